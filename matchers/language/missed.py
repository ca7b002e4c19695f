"""Where recall and precision were lost: in the catalogue, or in the model.

A missed conversation whose offender's words hit no indicator was lost by the catalogue; one with
hits but no alarm by the model, or by hits of too few categories: the categories hit tell which.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matchers.language.conversation import LEVELS, Level
from matchers.language.evaluation import Side, Verdict, true_alarms


class Lost(NamedTuple):
    """A family's conversations. Of the missed ones, in `unseen` nothing of the offender's was
    evidence, in `unraised` something was; `combinations` are the sets of categories that they
    hit, with how often, `discounted` what cues made too weak, `best` the highest level and points
    reached. `causes` are the indicators of false alarms."""

    family: str
    pattern: str
    label: bool
    conversations: int
    alarms: int
    unseen: int
    unraised: int
    combinations: dict[str, int]
    discounted: dict[str, int]
    best: Level
    points: float
    causes: dict[str, int]


def lost(verdicts: Iterable[Verdict]) -> list[Lost]:
    """By family, in order of the first; families without a miss or false alarm are left out."""
    families: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        talk = verdict.talk
        if talk.label is not None:
            name = talk.family or "/".join(filter(None, (talk.language, talk.pattern))) or "?"
            families.setdefault(name, []).append(verdict)
    found = (_lost(name, some) for name, some in families.items())
    return [one for one in found if one.unseen or one.unraised or one.causes]


def _lost(family: str, verdicts: Sequence[Verdict]) -> Lost:
    talk = verdicts[0].talk
    missed = [v for v in verdicts if v.talk.label and not true_alarms(v)]
    sides = [[side for side in _offenders(v) if side.categories] for v in missed]
    weak = Counter(c for v in missed for side in _offenders(v) for c in side.discounted)
    seen = [side for some in sides for side in some]
    combinations = Counter(", ".join(side.categories) for side in seen)
    false = [v for v in verdicts if not v.talk.label]
    causes = Counter(i for v in false for alarm in v.alarms for i in alarm.indicators)
    return Lost(
        family,
        talk.pattern,
        bool(talk.label),
        len(verdicts),
        sum(bool(true_alarms(v) if v.talk.label else v.alarms) for v in verdicts),
        sum(not some for some in sides),
        sum(bool(some) for some in sides),
        dict(combinations.most_common()),
        dict(weak.most_common()),
        LEVELS[max((LEVELS.index(side.level) for side in seen), default=0)],
        max((side.points for side in seen), default=0.0),
        dict(causes.most_common()),
    )


def _offenders(verdict: Verdict) -> list[Side]:
    offenders = verdict.talk.offenders
    return [side for side in verdict.sides if not offenders or side.author in offenders]
