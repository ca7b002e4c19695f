"""Case priority: whose case a person sees first.

0 a child may be in danger now … 4 known old material without contact, or nothing at all. A pure
function of the event and its signals, and monotone: the priority is that of the most urgent
signal, so that a further one never makes a case less urgent, and nor does a child known to be
there, a higher level of risk or a further category.

| signal | a child is known to be there | else |
|---|---|---|
| self-harm disclosed (the pattern, in plain words) | 0 | 1 |
| text risk at `review`, acute: a threat of exposure, a meeting, a live camera, a pattern | 0 | 1 |
| text risk at `review`, other | 1 | 2 |
| text risk at `watch`, acute / other | 2 / 3 | 3 / 3 |
| text risk at `note`, acute / other | 3 / 4 | 4 / 4 |
| a listed match on a live surface | 1 | 1 |
| a listed match sent to a child / by a child | 1 / 2 | |
| a listed match submitted by the person shown | as above, at most 3 | 3 |
| any other listed match | | 4 |
| a report by a person | 2 | 3 |

"Known to be there" is by the age band of the author or a recipient, or the text risk's own
finding. A file that says it was made by a generator makes a listed match one more urgent, down
to 1: such material is new, and there may be much of it. Signals on trial, and matches of lists
that are only observed, do not count.
"""

from collections.abc import Iterable

from streams.contracts.event import ContentEvent
from streams.contracts.signal import (
    HashMatch,
    Provenance,
    Signal,
    TextMatch,
    TextRisk,
    UrlMatch,
    UserReport,
)
from streams.contracts.values import MINOR_BANDS

LEAST = 4
ACUTE = frozenset({"exposure_threat", "meeting", "live_camera"})
SELF_HARM = "self_harm"


def priority(event: ContentEvent, signals: Iterable[Signal]) -> int:
    """The priority, 0 to 4, of an event with the signals that count for it."""
    from_child = event.author.age_band in MINOR_BANDS
    to_child = any(person.age_band in MINOR_BANDS for person in event.recipients)
    least = listed = LEAST
    generated = any_listed = False
    for signal in signals:
        if isinstance(signal, TextRisk):
            if not signal.on_trial:
                child = from_child or to_child or signal.minor_involved
                least = min(least, _text_risk(signal, child=child))
        elif isinstance(signal, HashMatch | UrlMatch | TextMatch):
            if signal.role not in ("observe", "allow"):
                any_listed = True
                listed = min(listed, _listed(signal, event, from_child, to_child))
        elif isinstance(signal, UserReport):
            child = from_child or to_child or signal.reporter_age_band in MINOR_BANDS
            least = min(least, 2 if child else 3)
        elif isinstance(signal, Provenance):
            generated = generated or is_generated(signal)
    if any_listed and generated:
        listed = max(1, listed - 1)
    return min(least, listed)


def _text_risk(risk: TextRisk, *, child: bool) -> int:
    if risk.pattern == SELF_HARM:
        return 0 if child else 1
    acute = risk.pattern is not None or not ACUTE.isdisjoint(risk.categories)
    if risk.level == "review":
        return (0 if child else 1) if acute else (1 if child else 2)
    if risk.level == "watch":
        return 2 if acute and child else 3
    return 3 if risk.level == "note" and acute and child else LEAST


def _listed(
    match: HashMatch | UrlMatch | TextMatch, event: ContentEvent, from_child: bool, to_child: bool
) -> int:
    if event.surface == "live" or to_child:
        return 1
    if from_child:
        return 2
    return 3 if match.source_kind == "victim" else LEAST


def is_generated(provenance: Provenance) -> bool:
    """Whether a file says that a generator made it: IPTC's digital source types for generated
    media end in `AlgorithmicMedia`."""
    return provenance.generator is not None or "algorithmicmedia" in provenance.evidence.lower()
