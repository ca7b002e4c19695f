"""What stands before and behind the stages."""

from datetime import UTC, datetime

from streams.boundary import slow_work
from streams.contracts.envelope import Envelope
from streams.contracts.event import (
    Author,
    ContentEvent,
    FrameHash,
    Media,
    MediaHashes,
    VariantHash,
)
from streams.engine.config import EngineConfig

BUDGET = EngineConfig(group="", input_topic="", dead_letter_topic="", stage="").chunk_cost


def envelope(**changes) -> Envelope:
    event = ContentEvent(
        event_id="1",
        tenant="t",
        kind="created",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        content_id="c",
        surface="message",
        author=Author(id="a"),
        **changes,
    )
    return Envelope(event=event, received_at=0)


def test_a_chunk_of_ordinary_messages_is_not_cut() -> None:
    cost = slow_work(decoders=1, seconds_per_file=20)
    assert 1000 * cost(envelope(text="x" * 1000)) <= BUDGET


def test_chunks_of_files_or_of_long_texts_end_before_a_worker_counts_as_stuck() -> None:
    cost = slow_work(decoders=2, seconds_per_file=20)
    files = envelope(media=[Media(media_id="m", media_type="image/png", uri="s3://a/b")])
    assert cost(files) == 10_000  # two at a time, 20 s each at the worst
    assert BUDGET // cost(envelope(text="x" * 100_000)) < 20
    assert slow_work(decoders=0, seconds_per_file=20)(files) == 0


def test_long_addresses_count_as_slow_work_and_ordinary_ones_do_not() -> None:
    cost = slow_work(decoders=0, seconds_per_file=20)
    ordinary = [f"https://example.org/pictures/{n}?size=large" for n in range(10)]
    assert 1000 * cost(envelope(urls=ordinary)) <= BUDGET
    long = envelope(urls=["http://a.example/" + "\u0416" * 8_000] * 40)
    assert BUDGET // cost(long) < 60, "each takes most of a second"


def picture(number: int, views: int) -> Media:
    variants = [VariantHash(variant="flip_x", pdq="ab" * 32, quality=90)] * views
    hashes = MediaHashes(sha256="cd" * 32, pdq="ab" * 32, variants=variants)
    return Media(
        media_id=str(number),
        media_type="image/png",
        hashes=hashes,
        hash_origin="client_unverified",
    )


def test_hashes_that_came_with_events_count_as_slow_work_where_they_are_many() -> None:
    cost = slow_work(decoders=0, seconds_per_file=20)
    assert 1000 * cost(envelope(media=[picture(0, 8)])) <= BUDGET, "a message with a picture"
    most = envelope(media=[picture(n, 8) for n in range(64)])
    assert cost(most) >= 64 * 9
    assert BUDGET // cost(most) < 100, "of a thousand such messages few are taken together"
    frames = [FrameHash(frame=n, seconds=n, pdq="ab" * 32, quality=90) for n in range(20_000)]
    video = Media(
        media_id="v",
        media_type="video/mp4",
        hashes=MediaHashes(frames=frames),
        hash_origin="client_unverified",
    )
    assert BUDGET // cost(envelope(media=[video])) <= 2
    exact = Media(
        media_id="e",
        media_type="image/png",
        hashes=MediaHashes(md5="ab" * 16),
        hash_origin="client_unverified",
    )
    assert cost(envelope(media=[exact])) == 0
