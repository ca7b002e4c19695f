"""What stands before and behind the stages."""

from datetime import UTC, datetime

from streams.boundary import slow_work
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Media
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
