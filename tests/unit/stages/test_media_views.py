"""What an item shows besides its first picture or track is looked up, and told within bounds."""

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from PIL import Image

from matchers.hashing.decoder_pool import DecoderPool
from matchers.hashing.outcome import STANDING_TRACKS, Limits
from matchers.lists.entry import Algorithm, ListEntry, ListInfo, normal_value
from matchers.lists.matcher import ListMatcher, Match
from matchers.lists.screening import ListScreening
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, FrameHash, Media, MediaHashes
from streams.contracts.signal import HashMatch
from streams.contracts.values import Role
from streams.policy.load import load_policy
from streams.stages.enforcement import Enforcement
from streams.stages.hash_matching import HashMatching
from streams.stages.media_hashing import MediaHashing
from streams.stages.media_views import (
    MAX_PICTURE_FRAMES,
    MAX_VIEWS_TOLD,
    further_told,
    without_repeats,
)
from tests.unit.hashing.drawings import scene

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DECOY, LISTED, BENIGN = "f0" * 32, "0f" * 32, "33" * 32


def near(value: str, bits: int) -> str:
    return f"{int(value, 16) ^ ((1 << bits) - 1):064x}"


def frames(*values: str, quality: int = 90, track: int = 0) -> list[FrameHash]:
    return [
        FrameHash(frame=n, quality=quality, pdq=value, seconds=n, track=track)
        for n, value in enumerate(values)
    ]


def envelope(media_type: str = "image/gif", origin: Any = "server", **hashes: Any) -> Envelope:
    media = Media(
        media_id="m",
        media_type=media_type,
        hashes=MediaHashes(**hashes),
        hash_origin=origin,
    )
    return sent(media)


def sent(*media: Media) -> Envelope:
    event = ContentEvent(
        event_id="e",
        tenant="t",
        kind="created",
        occurred_at=NOW,
        content_id="c",
        surface="post",
        author=Author(id="a"),
        media=list(media),
    )
    return Envelope(event=event, received_at=0)


def listed(*entries: tuple[Algorithm, str] | tuple[Algorithm, str, Role]) -> ListMatcher:
    info = ListInfo(name="l", source_kind="hotline", verified_by="Example", default_role="block")
    return ListMatcher(
        {"l": info},
        [
            ListEntry(
                list="l",
                id=f"{number}",
                algorithm=entry[0],
                value=normal_value(entry[0], entry[1]),
                role=entry[2] if len(entry) > 2 else None,
            )
            for number, entry in enumerate(entries)
        ],
        loaded_at=NOW,
    )


def matches(matcher: ListMatcher, *batch: Envelope) -> list[HashMatch]:
    out = HashMatching(lambda: matcher).run(list(batch), {}).batch
    return [s for each in out for s in each.signals if isinstance(s, HashMatch)]


def decided(matcher: ListMatcher, event: Envelope) -> Decision:
    batch = HashMatching(lambda: matcher).run([event], {}).batch
    (decision,) = Enforcement(load_policy(None)).run(batch, {}).decisions
    return decision


def test_a_listed_picture_is_found_in_a_further_frame() -> None:
    event = envelope(pdq=DECOY, pdq_quality=90, frames=frames(DECOY, LISTED, near(LISTED, 5)))
    decision = decided(listed(("pdq", LISTED)), event)
    assert decision.action == "block"
    (signal,) = [s for s in decision.signals if isinstance(s, HashMatch)]
    assert (signal.algorithm, signal.frame, signal.distance, signal.quality) == ("pdq", 1, 0, 90)


def test_the_first_frame_is_told_as_the_picture_itself_alone() -> None:
    event = envelope(pdq=LISTED, pdq_quality=90, frames=frames(LISTED, near(LISTED, 3)))
    assert [(s.frame, s.distance) for s in matches(listed(("pdq", LISTED)), event)] == [(None, 0)]


def test_frames_below_the_floor_are_not_looked_up() -> None:
    event = envelope(pdq=DECOY, pdq_quality=90, frames=frames(LISTED, quality=49))
    assert matches(listed(("pdq", LISTED)), event) == []


@pytest.mark.parametrize(
    ("media_type", "origin", "still", "looked_up"),
    [
        ("image/gif", "client_attested", False, True),
        ("IMAGE/webp", "server", False, True),
        ("video/mp4", "server", True, True),  # media-hashing found a picture
        ("application/octet-stream", "server", True, True),
        ("video/mp4", "server", False, False),
        ("video/mp4", "client_attested", True, False),  # a video with its poster
    ],
)
def test_frames_of_pictures_are_pictures_and_those_of_videos_are_not(
    media_type: str, origin: str, still: bool, looked_up: bool
) -> None:
    event = envelope(media_type, origin, pdq=DECOY if still else None, frames=frames(DECOY, LISTED))
    assert bool(matches(listed(("pdq", LISTED)), event)) is looked_up


def test_an_animation_is_still_matched_as_a_video() -> None:
    event = envelope(pdq=DECOY, frames=frames(DECOY, LISTED))
    found = matches(listed(("vpdq", DECOY + LISTED), ("pdq", LISTED)), event)
    assert sorted(s.algorithm for s in found) == ["pdq", "vpdq"]


def test_look_ups_are_bounded_and_that_is_said() -> None:
    many = [f"{number * 0x1234567:064x}" for number in range(1, MAX_PICTURE_FRAMES + 1)]
    whole = envelope(pdq=DECOY, frames=frames(*many[1:], LISTED))
    cut = envelope(pdq=DECOY, frames=frames(*many, LISTED))
    assert [s.distance for s in matches(listed(("pdq", LISTED)), whole)] == [0]
    assert matches(listed(("pdq", LISTED)), cut) == []
    assert (whole.degraded, cut.degraded) == ([], ["picture_frames"])


def test_an_allowed_frame_takes_out_no_other() -> None:
    lists = listed(("pdq", LISTED), ("pdq", BENIGN, "allow"))
    assert decided(lists, envelope(pdq=BENIGN, frames=frames(BENIGN, LISTED))).action == "block"
    assert decided(lists, envelope(pdq=DECOY, frames=frames(BENIGN, LISTED))).action == "block"


def test_an_allowed_frame_takes_out_what_is_no_nearer_to_it() -> None:
    lists = listed(("pdq", LISTED), ("pdq", near(LISTED, 12), "allow"))
    benign = frames(DECOY, near(LISTED, 9), near(LISTED, 12), near(LISTED, 11))
    decision = decided(lists, envelope(pdq=DECOY, frames=benign))
    assert (decision.action, {s.frame for s in decision.signals if isinstance(s, HashMatch)}) == (
        "allow",
        {1},
    )
    decision = decided(lists, envelope(pdq=DECOY, frames=[*benign, *frames(near(LISTED, 2))]))
    assert decision.action == "block"


def test_a_track_hides_no_listed_one() -> None:
    shown, hidden = [DECOY, BENIGN, near(BENIGN, 90)], [LISTED, near(LISTED, 80)]
    lists = listed(("vpdq", "".join(hidden)), ("vpdq", "".join(shown), "allow"))
    event = envelope("video/mp4", frames=[*frames(*shown), *frames(*hidden, track=1)])
    decision = decided(lists, event)
    assert decision.action == "hold"
    told = [(s.track, s.role, s.query_share) for s in decision.signals if isinstance(s, HashMatch)]
    assert told == [(0, "allow", 1.0), (1, "block", 1.0)]
    one_track = envelope("video/mp4", frames=frames(*hidden))
    assert decided(lists, one_track).action == "hold"


def test_what_stands_besides_decoys_is_matched_as_a_video() -> None:
    video = [LISTED, near(LISTED, 80)]
    decoys = [*frames(DECOY, BENIGN), *frames(*video, track=STANDING_TRACKS)]
    decision = decided(listed(("vpdq", "".join(video))), envelope("video/mp4", frames=decoys))
    assert decision.action == "hold"
    told = [(s.track, s.query_share) for s in decision.signals if isinstance(s, HashMatch)]
    assert told == [(STANDING_TRACKS, 1.0)]


@pytest.mark.parametrize("track", [0, 1])
def test_an_entry_that_the_sampled_frames_match_is_told_of_them_alone(track: int) -> None:
    video, other = [LISTED, near(LISTED, 80)], [DECOY, near(DECOY, 70)]
    once = [*frames(*other, track=1 - track), *frames(near(LISTED, 3), video[1], track=track)]
    twice = [*once, *frames(*video, track=STANDING_TRACKS + track)]
    lists = listed(("vpdq", "".join(video)))
    as_sampled = matches(lists, envelope("video/mp4", frames=once))
    assert [s.track for s in as_sampled] == [track]
    assert matches(lists, envelope("video/mp4", frames=twice)) == as_sampled


def match(entry: str, distance: int, role: Role, category: str) -> Match:
    return Match(
        list="l",
        entry=entry,
        algorithm="pdq",
        distance=distance,
        radius=31,
        role=role,
        category=category,
        source_kind="own",
        verified=False,
    )


MATCHES = st.lists(
    st.builds(
        match,
        st.sampled_from("abcdef"),
        st.integers(0, 31),
        st.sampled_from(get_args(Role)),
        st.sampled_from("xy"),
    ),
    max_size=5,
    unique_by=lambda found: (found.entry, found.role, found.category),
)


QUALITY = st.sampled_from([None, 50, 79, 80, 95])


@given(MATCHES, st.lists(st.tuples(MATCHES, QUALITY), max_size=30), QUALITY)
def test_what_is_told_decides_as_everything_would(
    own: list[Match], views: list[tuple[list[Match], int | None]], own_quality: int | None
) -> None:
    """Rules judge the matches of every view that no `allow` entry takes out, and what is close has
    to be near and of a good picture."""
    further = [view for view, _ in views]
    qualities = [own_quality, *(quality for _, quality in views)]

    def is_close(place: int, each: Match) -> bool:
        return each.distance <= 12 and (qualities[place] or 0) >= 80

    def acting(found: Sequence[tuple[int, Match]]) -> set[tuple[str, str, bool]]:
        by_view: dict[int, list[Match]] = {}
        for place, each in found:
            by_view.setdefault(place, []).append(each)
        return {
            (each.role, each.category, close)
            for place, view in by_view.items()
            for each in view
            for close in {False, is_close(place, each)}
            if each.role != "allow"
            and not any(a.role == "allow" and a.distance <= each.distance for a in view)
        }

    told = [(place + 1, each) for place, each in further_told(own, further, qualities)]
    mine = [(0, each) for each in own]
    everything = [(place + 1, each) for place, view in enumerate(further) for each in view]
    assert acting([*mine, *told]) == acting([*mine, *everything])
    kinds = {(each.role, each.category) for _, each in everything}
    assert len({place for place, _ in told}) <= MAX_VIEWS_TOLD + len(kinds) * len(set(qualities))
    acted = [
        (each.entry, each.role, each.category, qualities[place])
        for place, each in told
        if each.role != "allow"
    ]
    assert len(acted) == len(set(acted)), "an entry is told of one view of a quality"


def test_a_blurry_frame_hides_no_sharp_one() -> None:
    sharp, blurry = frames(near(LISTED, 10), quality=95), frames(near(LISTED, 4), quality=60)
    matcher = listed(("pdq", LISTED), *(("pdq", f"{n:064x}") for n in range(1, 9)))
    assert decided(matcher, envelope(pdq=DECOY, pdq_quality=90, frames=sharp)).action == "block"
    both = [*blurry, *(structs.replace(frame, frame=1) for frame in sharp)]
    assert decided(matcher, envelope(pdq=DECOY, pdq_quality=90, frames=both)).action == "block"
    crowd = [*frames(*(f"{n:064x}" for n in range(1, 9)), quality=60), *both]
    crowd = [structs.replace(frame, frame=n) for n, frame in enumerate(crowd)]
    assert decided(matcher, envelope(pdq=DECOY, pdq_quality=90, frames=crowd)).action == "block"
    unknown = envelope(pdq=near(LISTED, 10), frames=sharp)
    assert decided(matcher, unknown).action == "block"


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(Limits(), processes=1) as started:
        yield started


@pytest.mark.parametrize("container", ["GIF", "PNG", "WEBP", "AVIF"])
def test_screened_and_exact_animations_are_decided_alike(pool: DecoderPool, container: str) -> None:
    def saved(*pictures: Image.Image, into: str = container) -> bytes:
        target = io.BytesIO()
        pictures[0].save(
            target, into, save_all=len(pictures) > 1, append_images=pictures[1:], duration=100
        )
        return target.getvalue()

    def hashed(hashing: MediaHashing, content: bytes) -> Envelope:
        media = Media(media_id="m", media_type="image/x", inline=content)
        (out,) = hashing.run([sent(media)], {}).batch
        return out

    exact = MediaHashing(pool, inline_allowed=True)
    (still,) = hashed(exact, saved(scene(1), into="PNG")).event.media
    assert still.hashes is not None
    assert still.hashes.pdq is not None
    lists = listed(("pdq", still.hashes.pdq))
    screening = MediaHashing(ListScreening(pool, lambda: lists), inline_allowed=True)
    content = saved(scene(7), scene(1), scene(12))
    by_mode = [decided(lists, hashed(stage, content)) for stage in (exact, screening)]
    assert [decision.action for decision in by_mode] == ["block", "block"]
    assert msgspec.to_builtins(by_mode[0]) == msgspec.to_builtins(by_mode[1])


def test_what_is_allowed_in_the_sampled_frames_is_told_of_the_second_look() -> None:
    listed = match("x", 1, "block", "A1")
    allowed = match("y", 1, "allow", "A1")
    for sampled, told in (([listed], []), ([listed, allowed], [listed])):
        assert without_repeats(sampled, 0, [[listed]], [STANDING_TRACKS]) == [told]
