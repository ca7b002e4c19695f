"""The media-hashing stage, over a real decoder pool."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageDraw

from matchers.hashing.decoder_pool import DecoderPool, MediaSource
from matchers.hashing.fetch import Fetcher
from matchers.hashing.image import DIHEDRAL
from matchers.hashing.outcome import HashResult, Limits, Variants
from matchers.hashing.pdq import pdq
from matchers.provenance.reading import manifests_available
from streams.contracts.envelope import Envelope, envelope_decoder, envelope_encoder
from streams.contracts.event import Author, ContentEvent, Media, MediaHashes
from streams.contracts.signal import MediaError, Provenance
from streams.contracts.stage import DependencyUnavailable, Stage
from streams.stages.media_hashing import MediaHashing
from tests.unit.provenance.pictures import authority, saved, signed, source, with_xmp


def drawing(seed: int) -> Image.Image:
    picture = Image.linear_gradient("L").resize((160, 120)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    rng = np.random.default_rng(seed)
    for _ in range(8):
        left, top = (int(v) for v in rng.integers(0, 120, 2))
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        draw.ellipse((left, top, left + 45, top + 35), fill=colour)
    return picture


def png(picture: Image.Image) -> bytes:
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def envelope(*media: Media, withheld: Sequence[str] = ()) -> Envelope:
    return Envelope(
        event=ContentEvent(
            event_id="e",
            tenant="t",
            kind="created",
            occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
            content_id="c",
            surface="post",
            author=Author(id="a"),
            text="hello",
            urls=["https://example.org/"],
            media=list(media),
        ),
        received_at=0,
        scans_withheld=list(withheld),  # pyright: ignore[reportArgumentType]
    )


def inline(content: bytes, media_type: str = "image/png", media_id: str = "m") -> Media:
    return Media(media_id=media_id, media_type=media_type, inline=content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def pool(folder: Path) -> Iterator[DecoderPool]:
    fetcher = Fetcher([folder.as_uri(), (folder.parent / "not-mounted").as_uri()])
    with DecoderPool(Limits(), processes=1, fetcher=fetcher) as started:
        yield started


@pytest.fixture
def stage(pool: DecoderPool) -> Stage:
    return MediaHashing(pool, inline_allowed=True)


def run(stage: Stage, *batch: Envelope) -> list[Envelope]:
    assert stage.keys(batch) == ()
    result = stage.run(batch, {})
    assert not result.changes
    assert len(result.batch) == len(batch)
    return list(result.batch)


def test_a_picture_becomes_hashes_and_its_bytes_are_gone(stage: Stage) -> None:
    picture = drawing(1)
    content = png(picture)
    (after,) = run(stage, envelope(inline(content)))
    (media,) = after.event.media
    expected = pdq(np.asarray(picture))
    assert media.hashes is not None
    assert media.hash_origin == "server"
    assert (media.uri, media.inline) == (None, None)
    assert media.hashes.md5 == hashlib.md5(content).hexdigest()
    assert media.hashes.sha1 == hashlib.sha1(content).hexdigest()
    assert media.hashes.sha256 == hashlib.sha256(content).hexdigest()
    assert (media.hashes.pdq, media.hashes.pdq_quality) == (expected.hash.hex(), expected.quality)
    assert media.hashes.phash is not None
    assert media.hashes.dhash is not None
    assert after.signals == []
    assert (after.event.text, after.event.urls) == ("hello", ["https://example.org/"])


def test_other_views_are_hashed_where_they_are_asked_for(stage: Stage) -> None:
    content = png(drawing(1))
    (plain,) = run(stage, envelope(inline(content)))
    variants = Variants(dihedral=True, trimmed=True)
    with DecoderPool(Limits(), processes=1, variants=variants) as pool:
        (after,) = run(MediaHashing(pool, inline_allowed=True), envelope(inline(content)))
    (media,), (before,) = after.event.media, plain.event.media
    assert media.hashes is not None
    assert before.hashes == msgspec.structs.replace(media.hashes, variants=[])
    assert [view.variant for view in media.hashes.variants] == ["trimmed", *DIHEDRAL]
    assert envelope_decoder.decode(envelope_encoder.encode(after)) == after


def test_what_comes_in_is_left_as_it_was(stage: Stage) -> None:
    before = envelope(inline(png(drawing(1))), inline(b"words", media_id="n"))
    value = envelope_encoder.encode(before)
    once = run(stage, before)
    assert envelope_encoder.encode(before) == value
    assert run(stage, before) == once


def test_results_go_to_their_own_events_and_media(stage: Stage) -> None:
    ready = Media(
        media_id="ready",
        media_type="image/png",
        hashes=MediaHashes(md5="0" * 32),
        hash_origin="client_attested",
    )
    batch = [
        envelope(),
        envelope(inline(png(drawing(2)), media_id="a"), ready, inline(b"words", media_id="b")),
        envelope(ready),
        envelope(inline(png(drawing(3)), media_id="c"), withheld=["hash"]),
        envelope(inline(png(drawing(4)), media_id="d")),
    ]
    after = run(stage, *batch)
    assert after[0] == batch[0]
    assert after[2] == batch[2]
    a, same, b = after[1].event.media
    assert same == ready
    assert a.hashes is not None
    assert b.hashes is not None
    assert a.hashes.pdq == pdq(np.asarray(drawing(2))).hash.hex()
    assert b.hashes.pdq is None
    assert b.hashes.md5 == hashlib.md5(b"words").hexdigest()
    assert after[1].signals == [MediaError(media_id="b", reason="unsupported")]
    assert after[4].event.media[0].hashes is not None
    assert after[4].event.media[0].hashes.pdq == pdq(np.asarray(drawing(4))).hash.hex()


def test_where_hashing_is_withheld_bytes_are_dropped_unread(stage: Stage, folder: Path) -> None:
    uri = Media(media_id="u", media_type="image/png", uri=(folder / "nothing").as_uri())
    (after,) = run(stage, envelope(inline(png(drawing(5))), uri, withheld=["hash"]))
    assert after.event.media == []
    assert after.signals == []


def test_inline_bytes_only_where_allowed(pool: DecoderPool) -> None:
    (after,) = run(MediaHashing(pool, inline_allowed=False), envelope(inline(png(drawing(6)))))
    assert after.event.media == []
    assert after.signals == [MediaError(media_id="m", reason="inline_not_allowed")]


def test_a_truncated_picture_keeps_its_digests_and_what_is_left_of_it(stage: Stage) -> None:
    content = png(drawing(7))[:-40]
    (after,) = run(stage, envelope(inline(content)))
    (media,) = after.event.media
    assert media.hashes is not None
    assert media.hashes.sha256 == hashlib.sha256(content).hexdigest()
    assert media.hashes.pdq is not None
    whole = int.from_bytes(pdq(np.asarray(drawing(7))).hash)
    assert (int(media.hashes.pdq, 16) ^ whole).bit_count() <= 31
    assert after.signals == [MediaError(media_id="m", reason="truncated")]


@pytest.mark.parametrize("media_type", ["audio/ogg", "application/octet-stream"])
def test_other_types_get_digests_without_an_error(stage: Stage, media_type: str) -> None:
    (after,) = run(stage, envelope(inline(b"something else", media_type)))
    (media,) = after.event.media
    assert media.hashes is not None
    assert media.hashes.sha1 == hashlib.sha1(b"something else").hexdigest()
    assert media.hashes.pdq is None
    assert after.signals == []


def test_a_flat_picture_keeps_its_pdq_with_its_low_quality(stage: Stage) -> None:
    (after,) = run(stage, envelope(inline(png(Image.new("RGB", (80, 80), (9, 90, 200))))))
    hashes = after.event.media[0].hashes
    assert hashes is not None
    assert hashes.pdq is not None
    assert hashes.pdq_quality == 0
    assert after.signals == []


def test_uris(stage: Stage, folder: Path) -> None:
    content = png(drawing(8))
    (folder / "a.png").write_bytes(content)

    def media(media_id: str, uri: str) -> Media:
        return Media(media_id=media_id, media_type="image/png", uri=uri)

    (after,) = run(
        stage,
        envelope(
            media("a", (folder / "a.png").as_uri()),
            media("b", (folder / "gone.png").as_uri()),
            media("c", f"{folder.as_uri()}/../elsewhere/a.png"),
        ),
    )
    assert [m.media_id for m in after.event.media] == ["a"]
    assert after.event.media[0].uri is None
    assert after.signals == [
        MediaError(media_id="b", reason="missing"),
        MediaError(media_id="c", reason="refused"),
    ]


def test_a_store_that_is_away_makes_the_chunk_wait(stage: Stage, folder: Path) -> None:
    uri = (folder.parent / "not-mounted" / "a.png").as_uri()
    before = envelope(Media(media_id="m", media_type="image/png", uri=uri))
    with pytest.raises(DependencyUnavailable) as caught:
        stage.run([before], {})
    assert "a.png" not in str(caught.value)


def test_a_batch_without_files_asks_nobody() -> None:
    class NobodyHome:
        def hash_many(self, items: Sequence[MediaSource]) -> list[HashResult]:
            raise AssertionError

    batch = [envelope(), envelope()]
    assert run(MediaHashing(NobodyHome(), inline_allowed=True), *batch) == batch


def test_what_a_picture_says_of_its_making_is_read_where_it_may_be(stage: Stage) -> None:
    content = with_xmp("PNG", source("trainedAlgorithmicMedia"))
    may = envelope(inline(content))
    (after,) = run(stage, may)
    assert after.signals == [
        Provenance(
            media_id="m",
            standing="claimed",
            evidence="iptc digital source type: trainedAlgorithmicMedia",
        )
    ]
    assert "provenance" in after.scans_performed
    may_not = envelope(inline(content))
    may_not.scans_withheld.append("provenance")
    (after,) = run(stage, may_not)
    assert after.signals == []
    assert after.scans_performed == []
    assert after.event.media[0].hashes is not None


def test_a_picture_that_says_nothing_has_no_signal(stage: Stage) -> None:
    (after,) = run(stage, envelope(inline(png(drawing(9)))))
    assert after.signals == []


@pytest.mark.skipif(not manifests_available(), reason="c2pa-python is not installed")
def test_a_signed_manifest_is_told_by_a_pool_with_trust_anchors(tmp_path: Path) -> None:
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(authority()[0])
    content = signed(saved("JPEG"), "JPEG", "trainedAlgorithmicMedia")
    with DecoderPool(Limits(), processes=1, trust_anchors=anchors) as started:
        (after,) = run(MediaHashing(started, inline_allowed=True), envelope(inline(content)))
    [found] = after.signals
    assert isinstance(found, Provenance)
    assert (found.standing, found.evidence) == ("signed", "c2pa: trainedAlgorithmicMedia")
