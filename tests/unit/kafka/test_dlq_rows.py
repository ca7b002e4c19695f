"""What is listed of dead letters: in which order, what of them was replayed, at 80 columns."""

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from streams.cli.dlq_rows import by_time, count_cells, letter_cells, letter_counts
from streams.cli.fitted import print_fitted, print_stacked
from streams.contracts.dead_letter import DeadLetter, DeadLetterClass
from streams.kafka.dead_letters import Letters

AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


def letter(partition: int, minute: int, error: DeadLetterClass = "missing_field") -> DeadLetter:
    return DeadLetter(
        topic="content.events",
        partition=partition,
        offset=1_741_000,
        stage="media-hashing",
        error=error,
        message="this required field is missing, so that nobody can say what it is about",
        field="$.author.id",
        at=AT + timedelta(minutes=minute),
        sha256="0" * 64,
        size=0,
    )


FOUND = Letters(
    letters=[letter(0, 9), letter(1, 0), letter(2, 5), letter(3, 1, "unknown_schema_version")],
    replayed=frozenset({"content.events/1/1741000", "content.events/0/1"}),
)


def test_letters_are_in_the_order_of_time() -> None:
    assert [each.partition for each in by_time(FOUND.letters)] == [1, 3, 2, 0]


def test_a_count_says_how_many_were_replayed_and_when_the_first_came() -> None:
    one, other = letter_counts(FOUND)
    assert (one.error, one.letters, one.replayed, one.first) == ("missing_field", 3, 1, AT)
    assert (other.letters, other.replayed, other.first) == (1, 0, AT + timedelta(minutes=1))
    assert letter_counts(Letters(letters=[], replayed=frozenset())) == []


def test_all_of_it_can_be_read_on_80_columns() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    cells = [letter_cells(each, FOUND.replayed) for each in by_time(FOUND.letters)]
    print_stacked(("dead letter", "why"), cells, console)
    counts = [count_cells(row) for row in letter_counts(FOUND)]
    print_fitted(("class", "stage", "count", "replayed", "first (UTC)"), counts, console=console)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    for whole in (
        "content.events/1/1741000",
        "2026-11-26T09:30:00Z",
        "missing_field in media-hashing, replayed",
        "$.author.id: this required field",
        "2026-11-26 09:31",
    ):
        assert any(whole in line for line in lines)
    assert "left out" not in out.getvalue()
