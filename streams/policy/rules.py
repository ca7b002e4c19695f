"""Rules: what to do about a signal.

Rules are in order. Of those for a signal's type, the first live one whose condition holds decides
about that signal; every live one that matches up to there adds its notices. A rule on trial that
is reached is noted and passed over; so is, outside its share of traffic, one that is for a share.
Over all signals the strongest action stands.
"""

from collections.abc import Collection
from hashlib import blake2b
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from streams.contracts.decision import Notice
from streams.contracts.event import ContentEvent
from streams.contracts.values import Action, Priority
from streams.policy.condition import (
    BadCondition,
    Condition,
    check_lists,
    compile_condition,
    unknown_list,
)
from streams.policy.facts import SignalType
from streams.policy.scan_basis import covers

LISTED: frozenset[SignalType] = frozenset({"hash_match", "url_match", "text_match"})
"""The signals that come from a list."""


class Share(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Live for this share (0-1) of content, on trial for the rest. Which content is in is fixed
    by a hash of rule, tenant and content id; a larger share keeps what was in a smaller one."""

    share: Annotated[float, Meta(gt=0, lt=1)]


FurtherTarget = Literal["conversation", "account", "text"]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule, as a policy file has it.

    `when` is a condition in CEL over `event.*`, `signals.*` and `signal.*`; without one the rule
    matches every signal of the type `on`. `action` is for what the signal is about, `targets` for
    more of the event. `lists` and `tenants` and `jurisdictions`, where given, are the only ones
    that it is for. `priority` makes a decision at least so urgent. `ground` is for a statement of
    reasons, `owner` answers for the rule.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    owner: Annotated[str, Meta(min_length=1)]
    ground: Annotated[str, Meta(min_length=1)]
    on: SignalType
    when: Annotated[str, Meta(max_length=4000)] | None = None
    lists: list[str] = []
    action: Action
    targets: dict[FurtherTarget, Action] = {}
    report: bool = False
    priority: Priority | None = None
    notices: list[Notice] = []
    mode: Literal["live", "trial"] | Share = "live"
    tenants: list[str] = []
    jurisdictions: list[str] = []


class CompiledRule(NamedTuple):
    """A rule with its condition made ready. `about_self` holds when it is about a person who
    seeks help, so that its notice to the author warns nobody of a case. `always` holds when its
    condition alone says whether it decides."""

    rule: Rule
    condition: Condition | None
    about_self: bool
    always: bool

    @property
    def lists(self) -> set[str]:
        """The lists that it names."""
        asked = self.condition.lists if self.condition is not None else ()
        return {*self.rule.lists, *(each.text for each in asked)}

    def is_for(self, event: ContentEvent) -> bool:
        """Whether the rule is for the event's tenant and jurisdiction."""
        rule = self.rule
        if rule.tenants and event.tenant not in rule.tenants:
            return False
        return not rule.jurisdictions or any(
            covers(place, event.jurisdiction) for place in rule.jurisdictions
        )

    def is_live(self, event: ContentEvent) -> bool:
        """Whether the rule decides, rather than being on trial, for the event's content."""
        mode = self.rule.mode
        if isinstance(mode, Share):
            return share_of(self.rule.id, event.tenant, event.content_id) < mode.share
        return mode == "live"


class BadRule(ValueError):
    """A rule that can never do anything. `field` is the one at fault; `line` counts from 0 within
    the field's text, `column` from 1 within the line, 0 where it is about no one place."""

    def __init__(self, field: str, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.field = field
        self.line = line
        self.column = column


def compile_rule(rule: Rule, known_lists: Collection[str] | None = None) -> CompiledRule:
    """Check a rule, and compile its condition. With `known_lists`, lists that are named must be
    among them.

    Raises:
        BadRule: a field that cannot be used.
    """
    if rule.lists and rule.on not in LISTED:
        raise BadRule("lists", f"a {rule.on} comes from no list: it can never match")
    if known_lists is not None and (unknown := [n for n in rule.lists if n not in known_lists]):
        raise BadRule("lists", unknown_list(unknown[0], known_lists))
    if rule.report and rule.on == "text_risk":
        raise BadRule("report", "what language is taken to mean never reports: a person decides")
    if rule.report and rule.action == "allow":
        raise BadRule("report", "a rule that allows never reports: no action, no report")
    condition = None
    if rule.when is not None:
        try:
            condition = compile_condition(rule.when, rule.on)
            if known_lists is not None:
                check_lists(condition, known_lists)
        except BadCondition as error:
            raise BadRule("when", str(error), error.line, error.column) from None
    return CompiledRule(
        rule,
        condition,
        condition is not None and condition.about_self_harm,
        rule.mode == "live" and not rule.tenants and not rule.jurisdictions,
    )


def share_of(rule: str, tenant: str, content_id: str) -> float:
    """Where content falls, 0-1, the same each time: the first 53 bits of a BLAKE2b hash."""
    name = f"{len(rule)}:{rule}{len(tenant)}:{tenant}{content_id}"
    digest = blake2b(name.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53
