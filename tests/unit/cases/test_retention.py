"""How long cases are kept, at the ends of the calendar."""

from datetime import UTC, datetime

from streams.cases.retention import delete_after, preserve_until


def test_the_end_of_the_calendar_is_late_enough() -> None:
    """Records are dated by whoever produced them, and a submission by whoever typed it."""
    last = datetime(9999, 12, 31, 23, tzinfo=UTC)
    assert preserve_until(last, 365) >= last
    assert delete_after(last, None, {"*": 365}, None) is not None
