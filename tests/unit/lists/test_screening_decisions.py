"""Screening gives the decisions of exact hashing, for less work."""

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.outcome import HashResult, Limits, Mode
from matchers.lists.entry import ListEntry, ListInfo
from matchers.lists.matcher import ListMatcher
from matchers.lists.screening import ListScreening
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Media
from streams.policy.load import load_policy
from streams.stages.enforcement import Enforcement
from streams.stages.hash_matching import HashMatching
from streams.stages.media_hashing import MediaHashing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIDE = 1100
"""Large enough that a JPEG is screened at an eighth of its size."""


def drawing(seed: int) -> Image.Image:
    draw_from = np.random.default_rng(seed)
    picture = Image.linear_gradient("L").resize((SIDE, SIDE)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for _ in range(30):
        left, top, width, height = (int(v) for v in draw_from.integers(20, SIDE // 2, 4))
        colour = tuple(int(v) for v in draw_from.integers(0, 256, 3))
        draw.ellipse((left, top, left + width, top + height), fill=colour)
    return picture


def plain(seed: int) -> Image.Image:
    """Of a quality about the floor: a faint drawing."""
    return Image.blend(Image.new("RGB", (SIDE, SIDE), "grey"), drawing(seed), 0.02 * (seed % 8))


def edited(picture: Image.Image, edit: int) -> Image.Image:
    if edit == 1:
        return picture.resize((SIDE + 180, SIDE + 90))
    if edit == 2:
        return picture.crop((12, 18, SIDE - 9, SIDE - 15))
    if edit == 3:
        return ImageEnhance.Brightness(picture).enhance(1.2)
    if edit == 4:
        return picture.filter(ImageFilter.GaussianBlur(3))
    return picture


def jpeg(picture: Image.Image, quality: int = 80) -> bytes:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality)
    return target.getvalue()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(Limits(), processes=1) as started:
        yield started


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    return [
        *(
            jpeg(edited(drawing(seed), edit), 60 + 7 * edit)
            for seed in range(8)
            for edit in range(5)
        ),
        *(jpeg(plain(seed)) for seed in range(8)),
    ]


@pytest.fixture(scope="module")
def matcher(pool: DecoderPool) -> ListMatcher:
    """Half of the drawings are listed."""
    entries: list[ListEntry] = []
    for seed, found in enumerate(pool.hash_many([MediaSource(jpeg(drawing(n))) for n in range(4)])):
        assert found.still is not None
        entries += [
            ListEntry(list="l", id=f"{seed}", algorithm="pdq", value=found.still.pdq),
            ListEntry(list="l", id=f"{seed}", algorithm="phash", value=found.still.phash),
        ]
    return ListMatcher({"l": ListInfo(name="l", default_role="block")}, entries, loaded_at=NOW)


def decided(
    hashing: MediaHashing, matching: HashMatching, files: Sequence[bytes]
) -> list[Decision]:
    batch: Sequence[Envelope] = [
        Envelope(
            event=ContentEvent(
                event_id=f"e{number}",
                tenant="t",
                kind="created",
                occurred_at=NOW,
                content_id="c",
                surface="post",
                author=Author(id="a"),
                media=[Media(media_id="m", media_type="image/jpeg", inline=content)],
            ),
            received_at=0,
        )
        for number, content in enumerate(files)
    ]
    for stage in (hashing, matching):
        batch = stage.run(batch, {}).batch
    return list(Enforcement(load_policy(None)).run(batch, {}).decisions)


class _Counting(DecoderPool):
    """A pool that says what it was asked for."""

    asked: list[tuple[Mode, int]]

    def hash_many(self, items: Sequence[MediaSource], mode: Mode = "exact") -> list[HashResult]:
        self.asked = [*getattr(self, "asked", []), (mode, len(items))]
        return super().hash_many(items, mode)


def test_screen_and_exact_decide_the_same(
    pool: DecoderPool, matcher: ListMatcher, files: list[bytes]
) -> None:
    exact = decided(MediaHashing(pool, inline_allowed=True), HashMatching(lambda: matcher), files)
    with _Counting(Limits(), processes=1) as counting:
        screening = ListScreening(counting, lambda: matcher)
        screened = decided(
            MediaHashing(screening, inline_allowed=True), HashMatching(screening.matcher), files
        )
        (_, all_of_them), (_, again) = counting.asked
    assert [msgspec.to_builtins(d) for d in screened] == [msgspec.to_builtins(d) for d in exact]
    blocked = sum(decision.action != "allow" for decision in exact)
    assert 10 <= blocked < len(files)
    assert any("pdq_quality" in decision.degraded for decision in exact)
    assert all_of_them == len(files)
    assert again < len(files), "only what could match is hashed exactly"


def test_no_rough_hash_travels_on(pool: DecoderPool, files: list[bytes]) -> None:
    empty = ListMatcher.empty(NOW)
    screening = ListScreening(pool, lambda: empty)
    event = ContentEvent(
        event_id="e",
        tenant="t",
        kind="created",
        occurred_at=NOW,
        content_id="c",
        surface="post",
        author=Author(id="a"),
        media=[Media(media_id="m", media_type="image/jpeg", inline=files[0])],
    )
    stage = MediaHashing(screening, inline_allowed=True)
    (envelope,) = stage.run([Envelope(event=event, received_at=0)], {}).batch
    (media,) = envelope.event.media
    assert media.hashes is not None
    assert media.hashes.screened
    assert media.hashes.sha256
    assert (media.hashes.pdq, media.hashes.phash, media.hashes.dhash) == (None, None, None)


def test_a_look_up_uses_the_lists_that_were_screened_against(
    pool: DecoderPool, files: list[bytes]
) -> None:
    old, new = ListMatcher.empty(NOW), ListMatcher.empty(NOW)
    in_use = [old]
    screening = ListScreening(pool, lambda: in_use[0])
    screening.hash_many([MediaSource(files[0])])
    in_use[0] = new
    assert screening.matcher() is old
    assert screening.matcher() is new
