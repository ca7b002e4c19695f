"""The policy of a running worker: replaced whole, between batches, or not at all."""

import logging
from collections.abc import Callable, Collection

from streams.contracts.event import ContentEvent
from streams.contracts.values import Scan
from streams.policy.load import PolicyError, parse_policy
from streams.policy.policy import Policy

log = logging.getLogger(__name__)


class LivePolicy:
    """Holds the policy in use. `own` is the worker's own, from its settings, to which it goes back
    when the control topic names none.

    `known_lists` gives the names of the lists in use, `None` where this worker knows none: a
    policy that names others is taken with a warning, since the same message must be taken or
    refused by every worker alike, and lists come and go. (`seawall policy apply` refuses it.)
    `on_taken` hears of every policy taken into use, `on_refused` of every one that was not.
    """

    def __init__(
        self,
        own: Policy,
        known_lists: Callable[[], Collection[str] | None] = lambda: None,
        on_taken: Callable[[Policy], None] = lambda _: None,
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._own = own
        self._known_lists = known_lists
        self._on_taken = on_taken
        self._on_refused = on_refused
        self.policy = own
        self.refused: str | None = None
        """Why the newest policy was refused; `None` where it was taken."""

    def gate(self, event: ContentEvent, at_ms: int) -> tuple[ContentEvent, tuple[Scan, ...]]:
        """The scan basis of the policy in use; see `ScanBasis.apply`."""
        return self.policy.scan_basis.apply(event, at_ms)

    def take(self, text: str | None, source: str) -> bool:
        """Take a policy file's text into use, or with `None` the worker's own policy again. False,
        with a log line that says where and why, when it cannot be used: the one before stays."""
        try:
            policy = self._own if text is None else parse_policy(text, source)
        except PolicyError as error:
            self.refuse(str(error))
            return False
        self.refused = None
        known = self._known_lists()
        if known is not None and (missing := sorted(policy.lists_named - set(known))):
            log.warning("policy %s names lists not in use: %s", policy.version, ", ".join(missing))
        if policy.version != self.policy.version:
            log.info("policy %s in use, after %s", policy.version, self.policy.version)
        self.policy = policy
        self._on_taken(policy)
        return True

    def stay_with(self, text: str | None, source: str) -> bool:
        """Take what was in use before a policy that was just refused, as by workers that ran all
        along: the refusal stands. False when that cannot be used either."""
        refused = self.refused
        taken = self.take(text, source)
        self.refused = refused if taken or refused is None else f"{refused}; {self.refused}"
        return taken

    def refuse(self, why: str) -> None:
        """Note, and say, that a policy was not taken."""
        self.refused = why
        log.error("policy not taken, %s stays in use: %s", self.policy.version, why)
        self._on_refused()
