"""What lists may be used for, and where: enforced on what they match."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from matchers.lists.entry import NO_REPORT, ListInfo
from streams.contracts.envelope import Envelope
from streams.contracts.signal import HashMatch, Signal, TextMatch, UrlMatch
from streams.policy.scan_basis import covers

LIST_WITHHELD = "list_withheld:"
"""In `degraded`, before the name of a list that may not be used for an event: whether the event
would have matched it is not looked at, and not said."""


class ListUses:
    """The lists whose use is restricted."""

    def __init__(self, infos: Mapping[str, ListInfo]) -> None:
        self._restricted = {
            name: info for name, info in infos.items() if info.jurisdictions or info.permitted_uses
        }
        self._withheld: dict[str | None, frozenset[str]] = {}

    def note(self, envelopes: Iterable[Envelope]) -> None:
        """Say in the envelopes that were looked up which lists may not be used for them."""
        if not self._restricted:
            return
        for envelope in envelopes:
            if envelope.scans_performed:
                for name in sorted(self._without(envelope.event.jurisdiction)):
                    if (word := LIST_WITHHELD + name) not in envelope.degraded:
                        envelope.degraded.append(word)

    def permitted(
        self, found: Sequence[tuple[Envelope, Signal]]
    ) -> Sequence[tuple[Envelope, Signal]]:
        """Of matches those that may be used, as far as they may."""
        if not self._restricted:
            return found
        kept: list[tuple[Envelope, Signal]] = []
        for envelope, signal in found:
            if not isinstance(signal, HashMatch | UrlMatch | TextMatch):
                kept.append((envelope, signal))
            elif signal.list not in self._without(envelope.event.jurisdiction):
                kept.append((envelope, self._limited(signal)))
        return kept

    def _limited(self, signal: HashMatch | UrlMatch | TextMatch) -> Signal:
        info = self._restricted.get(signal.list)
        if info is None or not info.permitted_uses:
            return signal
        if "enforce" not in info.permitted_uses:
            return replace(signal, role="observe")
        if "report" not in info.permitted_uses:
            return replace(signal, labels=(*signal.labels, NO_REPORT))
        return signal

    def _without(self, jurisdiction: str | None) -> frozenset[str]:
        known = self._withheld.get(jurisdiction)
        if known is None:
            known = self._withheld[jurisdiction] = frozenset(
                name
                for name, info in self._restricted.items()
                if (info.permitted_uses and "detect" not in info.permitted_uses)
                or (
                    info.jurisdictions
                    and not any(covers(place, jurisdiction) for place in info.jurisdictions)
                )
            )
        return known
