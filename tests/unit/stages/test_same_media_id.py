"""No item of an event weakens what is decided for another, whatever ids they have."""

from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import example, given, settings
from hypothesis import strategies as st

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.matcher import ListMatcher
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Media, MediaHashes
from streams.contracts.signal import HashMatch
from streams.contracts.values import ACTION_STRENGTH
from streams.policy.load import default_policy
from streams.policy.recorded import event_of
from streams.stages.enforcement import decide
from streams.stages.hash_matching import HashMatching
from streams.stages.match_bound import nearest

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = default_policy()
PDQ = "0f" * 32
NEAR = "0f" * 31 + "0e"
BAD_MD5, GOOD_MD5 = "11" * 16, "22" * 16
LISTS = ListMatcher(
    {
        "bad": ListInfo(
            name="bad", source_kind="hotline", verified_by="Example", roles={"known": "block"}
        ),
        "good": ListInfo(name="good", default_role="allow"),
    },
    [
        ListEntry(list="bad", id="1", algorithm="pdq", value=PDQ, category="known"),
        ListEntry(list="bad", id="2", algorithm="md5", value=BAD_MD5, category="known"),
        ListEntry(list="good", id="3", algorithm="pdq", value=NEAR),
        ListEntry(list="good", id="4", algorithm="md5", value=GOOD_MD5),
    ],
    loaded_at=NOW,
)


def picture(media_id: str = "m", **hashes: str | int) -> Media:
    return Media(
        media_id=media_id,
        media_type="image/png",
        hashes=MediaHashes(**{"pdq_quality": 90 if "pdq" in hashes else None, **hashes}),
        hash_origin="client_attested",
    )


def decided(media: Sequence[Media]) -> Decision:
    event = ContentEvent(
        event_id="e",
        tenant="t",
        kind="created",
        occurred_at=NOW,
        content_id="c",
        surface="message",
        author=Author(id="a"),
        media=list(media),
    )
    [envelope] = HashMatching(lambda: LISTS).run([Envelope(event=event, received_at=0)], {}).batch
    return decide(POLICY, envelope)


def test_an_allowed_item_takes_out_no_match_of_another_with_its_id() -> None:
    alone = decided([picture(pdq=PDQ)])
    assert alone.action == "block"
    for media in (
        [picture(pdq=PDQ), picture(md5=GOOD_MD5)],
        [picture(md5=GOOD_MD5), picture(pdq=PDQ)],
    ):
        decision = decided(media)
        assert decision.targets == alone.targets
        assert (decision.action, decision.report) == (alone.action, alone.report)


def test_an_allowed_item_is_allowed_beside_another_with_its_id() -> None:
    media = [picture(md5="33" * 16), picture(pdq=PDQ, md5=GOOD_MD5)]
    assert decided(media).action == "allow"


def test_matches_say_which_of_the_items_with_one_id_they_are_of() -> None:
    decision = decided([picture(md5=BAD_MD5), picture("other", md5=BAD_MD5), picture(pdq=PDQ)])
    named = {(s.media_id, s.item) for s in decision.signals if isinstance(s, HashMatch)}
    assert named == {("m", 0), ("other", 0), ("m", 1)}


items = st.builds(
    lambda media_id, hashes: picture(media_id, **hashes),
    st.sampled_from(["m", "n"]),
    st.sampled_from(
        [
            {"pdq": PDQ},
            {"md5": GOOD_MD5},
            {"md5": BAD_MD5},
            {"pdq": NEAR},
            {"pdq": PDQ, "md5": GOOD_MD5},
            {"pdq": "f0" * 32},
        ]
    ),
)


@settings(deadline=None)
@given(st.lists(items, min_size=1, max_size=3), items, st.integers(0, 3))
@example([picture(pdq=PDQ)], picture(md5=GOOD_MD5), 0)
@example([picture(pdq=PDQ)], picture(md5=GOOD_MD5), 1)
@example([picture(pdq=PDQ)], picture(pdq=PDQ, md5=GOOD_MD5), 1)
def test_a_further_item_never_weakens_a_decision(
    media: list[Media], further: Media, place: int
) -> None:
    before = decided(media)
    after = decided([*media[:place], further, *media[place:]])
    assert ACTION_STRENGTH[after.action] >= ACTION_STRENGTH[before.action]
    assert (after.report, -after.priority) >= (before.report, -before.priority)
    strength = {(t.kind, t.id): ACTION_STRENGTH[t.action] for t in after.targets}
    assert len(strength) == len(after.targets)
    for target in before.targets:
        assert strength[target.kind, target.id] >= ACTION_STRENGTH[target.action]


@settings(deadline=None)
@given(st.lists(items, min_size=1, max_size=4), st.integers(1, 4))
def test_what_was_recorded_is_judged_the_same(media: list[Media], most: int) -> None:
    decision = decided(media)
    again = POLICY.judge(event_of(decision, NOW), decision.signals)
    assert (again.action, again.targets) == (decision.action, decision.targets)
    bounded = POLICY.judge(event_of(decision, NOW), nearest(decision.signals, most))
    assert (bounded.action, bounded.report) == (decision.action, decision.report)
