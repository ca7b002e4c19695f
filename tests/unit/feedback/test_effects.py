from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contracts.decision import Target
from streams.contracts.event import FrameHash, VariantHash
from streams.contracts.values import ACTION_STRENGTH
from streams.feedback.effects import effects_of, reversal_of
from tests.unit.cases.occurrences import (
    AT,
    claimed,
    event,
    match,
    near,
    opening,
    outcome,
    picture,
    risk,
    url,
    viewing,
)

TARGETS = (
    Target(kind="media", id="m1", action="block"),
    Target(kind="conversation", id="k1", action="review"),
)


def test_a_reversal_leaves_the_other_targets_as_they_were() -> None:
    one = opening(event(), match(), risk(), targets=TARGETS)
    granted = outcome(one, "appeal_granted")
    reversal = reversal_of(one.decision, granted, [granted])
    assert [(t.kind, t.action) for t in reversal.targets] == [
        ("media", "allow"),
        ("conversation", "review"),
    ]
    assert reversal.action == "review"
    other = outcome(one, "appeal_granted", ("conversation", "k1"))
    both = reversal_of(one.decision, other, [granted, other])
    assert both.action == "allow"
    assert both.decision_id != reversal.decision_id


def test_a_target_that_the_decision_does_not_name_is_allowed_all_the_same() -> None:
    one = opening(targets=())
    granted = outcome(one, "appeal_granted", ("account", "a1"))
    assert reversal_of(one.decision, granted, []).targets == (
        Target(kind="account", id="a1", action="allow"),
    )


@settings(deadline=None)
@given(st.lists(st.sampled_from(["allow", "label", "review", "hold", "block"]), max_size=5))
def test_a_reversal_is_never_stronger_and_always_the_same(actions) -> None:
    targets = tuple(
        Target(kind="media", id=f"m{n}", action=action) for n, action in enumerate(actions, 1)
    )
    strongest = max(actions, key=ACTION_STRENGTH.__getitem__, default="review")
    one = opening(targets=targets, action=strongest, report=True)
    granted = outcome(one, "appeal_granted")
    reversal = reversal_of(one.decision, granted, [granted])
    assert ACTION_STRENGTH[reversal.action] <= ACTION_STRENGTH[one.decision.action]
    assert reversal == reversal_of(one.decision, granted, [granted, granted])
    assert (
        msgspec.json.decode(msgspec.json.encode(reversal))["decided_at"] == "2026-03-01T12:00:00Z"
    )
    assert reversal.notices == ()


@pytest.mark.parametrize(
    ("results", "closed"),
    [
        ([], None),
        (["unsure"], None),
        (["rejected"], True),
        (["confirmed"], False),
        (["rejected", "confirmed"], False),
        (["confirmed", "appeal_granted"], True),
        (["appeal_denied"], None),
    ],
)
def test_what_closes_a_case(results, closed) -> None:
    one = opening()
    told = [outcome(one, result) for result in results]
    last = told[-1] if told else outcome(one, "unsure")
    assert effects_of(last, one.decision, one, told).closed is closed


@pytest.mark.parametrize(
    ("target", "reversed"),
    [
        (("media", "m1"), True),
        (("media", "m9"), False),
        (("url", "url:0"), True),
        (("url", "url:7"), False),
        (("conversation", "k1"), True),
        (("conversation", "k2"), False),
        (("account", "a1"), True),
        (("account", "a2"), False),
        (("text", "text"), True),
    ],
)
def test_only_what_is_the_decisions_is_reversed(target, reversed) -> None:
    one = opening(event(), match(), url(), targets=())
    granted = outcome(one, "appeal_granted", target)
    assert (effects_of(granted, one.decision, one, [granted]).reversal is not None) is reversed


@given(st.permutations([("confirmed", 3), ("rejected", 2), ("unsure", 4), ("rejected", 1)]))
def test_the_outcome_that_was_made_last_counts_whenever_it_came(order) -> None:
    one = opening()
    told = [outcome(one, what, reviewed_at=AT + timedelta(hours=at)) for what, at in order]
    assert effects_of(told[-1], one.decision, one, told).closed is False


def test_a_case_of_several_targets_is_closed_by_all_of_them() -> None:
    one = opening(event(), match(), risk(), targets=TARGETS)
    first = outcome(one, "rejected")
    second = outcome(one, "rejected", ("conversation", "k1"))
    assert effects_of(first, one.decision, one, [first]).closed is False
    assert effects_of(second, one.decision, one, [first, second]).closed is True


def test_hashes_of_low_quality_are_not_proposed() -> None:
    item = picture(pdq="0f" * 32, pdq_quality=30, sha256="aa" * 32)
    one = opening(event(media=[item]), risk())
    seen = outcome(one, **viewing())
    proposal = effects_of(seen, one.decision, one, [seen]).proposal
    assert proposal is not None
    assert [h.algorithm for h in proposal.hashes] == ["sha256"]
    match_only = opening(event(media=[item]), near())
    rejected = outcome(match_only, "rejected")
    assert effects_of(rejected, match_only.decision, match_only, [rejected]).proposal is None


def test_without_its_case_or_its_file_nothing_is_proposed() -> None:
    one = opening(event(), near())
    rejected = outcome(one, "rejected")
    assert effects_of(rejected, one.decision, None, [rejected]).proposal is None
    unknown = outcome(one, "rejected", ("media", "m9"))
    assert effects_of(unknown, one.decision, one, [unknown]).proposal is None
    assert outcome(one).reviewed_at == AT


@pytest.mark.parametrize("result", ["rejected", "confirmed"])
def test_of_files_that_share_an_id_none_is_proposed(result) -> None:
    found = risk() if result == "confirmed" else near(item=1)
    one = opening(event(media=[picture(sha256="aa" * 32), picture()]), found)
    told = outcome(one, result, **viewing())
    assert effects_of(told, one.decision, one, [told]).proposal is None


@pytest.mark.parametrize("result", ["rejected", "appeal_granted", "confirmed"])
def test_nothing_is_proposed_of_hashes_that_a_client_claims(result) -> None:
    one = opening(event(media=[claimed()]), risk() if result == "confirmed" else near())
    told = outcome(one, result, **viewing())
    assert effects_of(told, one.decision, one, [told]).proposal is None


SHOWN, HIDDEN, LISTED = "0f" * 32, "f0" * 32, "3c" * 32


def frame(number=0, track=0, pdq=SHOWN, quality=90) -> FrameHash:
    return FrameHash(frame=number, quality=quality, pdq=pdq, seconds=number, track=track)


def proposed(result, hashes, *signals) -> list[tuple[str, str]] | None:
    one = opening(event(media=[picture(**hashes)]), *signals)
    told = outcome(one, result, **viewing())
    proposal = effects_of(told, one.decision, one, [told]).proposal
    return proposal and [(h.algorithm, h.value) for h in proposal.hashes]


TRACKS = {
    "sha256": "aa" * 32,
    "frames": [
        frame(0),
        frame(0, track=1, pdq=HIDDEN),
        frame(1, pdq=LISTED.upper()),
        frame(2),
        frame(1, track=1, pdq=LISTED, quality=10),
    ],
}


def test_an_accepted_appeal_about_one_track_allows_no_other() -> None:
    digest, shown, hidden = ("sha256", "aa" * 32), ("vpdq", SHOWN + LISTED), ("vpdq", HIDDEN)
    first, second = near(algorithm="vpdq"), near(algorithm="vpdq", track=1)
    assert proposed("appeal_granted", TRACKS, first) == [digest, shown]
    assert proposed("rejected", TRACKS, second) == [digest, hidden]
    assert proposed("rejected", TRACKS, first, second, first) == [digest, shown, hidden]
    assert proposed("rejected", TRACKS, near(algorithm="vpdq", track=2)) is None


def test_each_track_of_a_new_video_is_an_entry_of_its_own() -> None:
    assert proposed("confirmed", TRACKS, risk()) == [
        ("sha256", "aa" * 32),
        ("vpdq", SHOWN + LISTED),
        ("vpdq", HIDDEN),
    ]


def test_of_an_animations_frame_that_frame_is_allowed_and_not_the_picture() -> None:
    frames = [frame(3, pdq=HIDDEN), frame(4, track=1, pdq=HIDDEN), frame(4, pdq=LISTED.upper())]
    animation = {"pdq": SHOWN, "pdq_quality": 90, "frames": frames}
    assert proposed("rejected", animation, near(frame=4)) == [("pdq", LISTED)]
    assert proposed("rejected", animation, near(), near(frame=4)) == [
        ("pdq", SHOWN),
        ("pdq", LISTED),
    ]
    assert proposed("rejected", animation, near(frame=5)) is None


def test_of_a_turned_view_that_view_is_allowed_and_not_the_picture() -> None:
    views = [
        VariantHash(variant="rotate90", pdq=HIDDEN, quality=90),
        VariantHash(variant="rotate180", pdq=LISTED.upper(), quality=90),
    ]
    turned = {"pdq": SHOWN, "pdq_quality": 90, "variants": views}
    assert proposed("rejected", turned, near(variant="rotate180")) == [("pdq", LISTED)]


def test_an_appeal_that_somebody_contradicted_later_reverses_nothing() -> None:
    """Whenever it comes: the one that was reviewed last counts."""
    one = opening(event(media=[picture("m1"), picture("m2")]), match(), match(media_id="m2"))
    early, late = AT + timedelta(hours=1), AT + timedelta(hours=2)
    granted = outcome(one, "appeal_granted", reviewed_at=early)
    confirmed = outcome(one, "confirmed", reviewed_at=late)
    assert effects_of(granted, one.decision, one, [confirmed, granted]).reversal is None
    both = [granted, confirmed]
    assert effects_of(granted, one.decision, one, [granted], both).reversal is None
    other = outcome(one, "appeal_granted", ("media", "m2"), reviewed_at=late)
    reversal = effects_of(other, one.decision, one, [granted, confirmed, other]).reversal
    assert reversal is not None
    assert {t.id: t.action for t in reversal.targets} == {"m1": "block", "m2": "allow"}
    assert reversal.action == "block"


def test_an_appeal_granted_again_is_another_reversal() -> None:
    one = opening()
    at = [AT + timedelta(hours=n) for n in range(3)]
    told = [
        outcome(one, result, reviewed_at=when)
        for result, when in zip(("appeal_granted", "confirmed", "appeal_granted"), at, strict=True)
    ]
    first = effects_of(told[0], one.decision, one, told[:1]).reversal
    again = effects_of(told[2], one.decision, one, told).reversal
    assert first is not None
    assert again is not None
    assert first.decision_id != again.decision_id
    twice = [told[0], told[2]]
    same = effects_of(told[2], one.decision, one, twice).reversal
    assert same is not None
    assert same.decision_id == first.decision_id, "nobody stood by it in between"


@pytest.mark.parametrize("contradicted", [False, True])
def test_an_appeal_granted_again_and_told_thrice_is_one_reversal_more(contradicted: bool) -> None:
    """Also where the first one came when somebody had contradicted it already."""
    one = opening()
    results = ("appeal_granted", "confirmed", *["appeal_granted"] * 3)
    told = [
        outcome(one, result, reviewed_at=AT + timedelta(hours=n))
        for n, result in enumerate(results)
    ]
    if contradicted:
        told[:2] = reversed(told[:2])
    effects = [
        effects_of(each, one.decision, one, told[: count + 1]) for count, each in enumerate(told)
    ]
    found = [each.reversal.decision_id for each in effects if each.reversal is not None]
    assert len(found) == (3 if contradicted else 4)
    assert len(set(found)) == (1 if contradicted else 2)
