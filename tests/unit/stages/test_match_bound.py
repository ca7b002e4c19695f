"""However much of one event is listed, its decision fits, and comes to the same."""

from datetime import UTC, datetime
from typing import get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.matcher import ListMatcher
from streams.contracts.decoding import MAX_EVENT_BYTES
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Media, MediaHashes, VariantHash
from streams.contracts.signal import HashMatch, TextMatch, UrlMatch
from streams.contracts.values import PictureVariant
from streams.policy.load import default_policy
from streams.stages.enforcement import decide
from streams.stages.hash_matching import HashMatching
from streams.stages.match_bound import MATCHES_CUT, MOST_MATCHES, bounded, nearest

POLICY = default_policy()

listed = {
    "list": st.sampled_from(["one", "two"]),
    "entry": st.sampled_from("abc"),
    "role": st.sampled_from(["block", "hold", "review", "observe", "allow"]),
    "category": st.sampled_from(["x", "y"]),
    "source_kind": st.sampled_from(["hotline", "victim"]),
    "verified": st.booleans(),
}
matches = st.one_of(
    st.builds(
        HashMatch,
        **listed,
        media_id=st.sampled_from(["m1", "m2", "m3"]),
        item=st.integers(0, 1),
        algorithm=st.just("pdq"),
        distance=st.sampled_from([0, 3, 15, 16, 31]),
        radius=st.just(31),
        hash_origin=st.sampled_from(["server", "client_unverified"]),
        quality=st.sampled_from([60, 79, 80, 100]),
        frame=st.sampled_from([None, 1]),
    ),
    st.builds(
        HashMatch,
        **listed,
        media_id=st.sampled_from(["m1", "m2", "m3"]),
        item=st.integers(0, 1),
        algorithm=st.just("md5"),
        distance=st.just(0),
        radius=st.just(0),
        hash_origin=st.sampled_from(["server", "client_unverified"]),
    ),
    st.builds(UrlMatch, **listed, url_index=st.integers(0, 3)),
    st.builds(
        TextMatch,
        **listed,
        algorithm=st.just("minhash"),
        similarity=st.sampled_from([0.7, 0.94, 0.96, 1.0]),
    ),
)


def event(media: list[Media], surface: str = "message") -> ContentEvent:
    return ContentEvent(
        event_id="e",
        tenant="t",
        kind="created",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        content_id="c",
        surface=surface,
        author=Author(id="a"),
        media=media,
    )


def apart(value: str, bits: int) -> str:
    """A hash that many bits from another."""
    return f"{int(value, 16) ^ (1 << bits) - 1:064x}"


@settings(max_examples=400)
@given(st.lists(matches, max_size=60), st.integers(0, 60), st.sampled_from(["message", "live"]))
def test_what_is_cut_changes_neither_action_nor_report_nor_priority(found, most, surface) -> None:
    kept = nearest(found, most)
    of = event([], surface)
    whole, cut = POLICY.judge(of, found), POLICY.judge(of, kept)
    assert (cut.action, cut.report, cut.priority) == (whole.action, whole.report, whole.priority)
    assert {id(signal) for signal in kept} <= {id(signal) for signal in found}


def test_an_event_full_of_listed_content_has_a_decision_that_fits() -> None:
    """64 pictures with their 8 views each, all of them near 40 entries."""
    value = "0f" * 32
    entries = [
        ListEntry(
            list="one", id=str(n), algorithm="pdq", value=f"{n:04x}" + value[4:], category="known"
        )
        for n in range(40)
    ]
    info = ListInfo(name="one", source_kind="hotline", roles={"known": "block"})
    matcher = ListMatcher({"one": info}, entries, loaded_at=datetime(2026, 1, 1, tzinfo=UTC))
    views: tuple[PictureVariant, ...] = get_args(PictureVariant)
    media = [
        Media(
            media_id=f"m{n}",
            media_type="image/png",
            hashes=MediaHashes(
                pdq=apart(value, 18),
                pdq_quality=100,
                variants=[
                    VariantHash(variant=view, pdq=apart(value, 16 - 2 * at), quality=100)
                    for at, view in enumerate(views)
                ],
            ),
            hash_origin="client_attested",
        )
        for n in range(64)
    ]
    envelope = Envelope(event=event(media), received_at=0)
    other = Envelope(event=event([media[0]]), received_at=0)
    HashMatching(lambda: matcher).run([envelope, other], {})
    assert 64 <= len(envelope.signals) <= MOST_MATCHES
    assert MATCHES_CUT in envelope.degraded
    decision = decide(POLICY, envelope)
    assert decision.action == "block"
    assert {target.id for target in decision.targets} == {m.media_id for m in media}
    assert len(msgspec.json.encode(decision)) < MAX_EVENT_BYTES
    assert MATCHES_CUT not in other.degraded


def test_no_more_than_the_bound_of_one_kind_is_told() -> None:
    envelope = Envelope(event=event([]), received_at=0)
    found = [
        (
            envelope,
            UrlMatch(
                list="one", entry=str(n), role="block", category="x", source_kind="hotline",
                verified=True, url_index=n,
            ),
        )
        for n in range(3 * MOST_MATCHES)
    ]  # fmt: skip
    assert len(bounded(found)) == MOST_MATCHES
    assert envelope.degraded == [MATCHES_CUT]
