"""What `seawall dlq list` says of dead letters."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from streams.contracts.dead_letter import DeadLetter
from streams.kafka.dead_letters import Letters, letter_id


class LetterCount(NamedTuple):
    """The dead letters of a stage and error class: how many, how many of them were replayed, and
    when the first of them was written."""

    stage: str
    error: str
    letters: int
    replayed: int
    first: datetime


def by_time(letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """The letters, oldest first; those of one time in the order of their sources."""
    return sorted(letters, key=lambda letter: letter.at)


def letter_counts(found: Letters) -> list[LetterCount]:
    """By stage and error class, the most frequent first."""
    groups: dict[tuple[str, str], list[DeadLetter]] = {}
    for letter in found.letters:
        groups.setdefault((letter.stage, letter.error), []).append(letter)
    counts: list[LetterCount] = []
    for stage, error, count in found.counts():
        mine = groups[stage, error]
        replayed = sum(letter_id(letter) in found.replayed for letter in mine)
        counts.append(LetterCount(stage, error, count, replayed, min(x.at for x in mine)))
    return counts


def letter_cells(letter: DeadLetter, replayed: Collection[str]) -> tuple[list[str], list[str]]:
    """A letter's lines: its id and time; why it is one."""
    id = letter_id(letter)
    at = letter.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    why = f"{letter.error} in {letter.stage}" + (", replayed" if id in replayed else "")
    field = f"{letter.field}: " if letter.field else ""
    return [id, at], [why, field + letter.message]


def count_cells(row: LetterCount) -> tuple[str, ...]:
    """A count as a row of a table."""
    first = row.first.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return row.error, row.stage, str(row.letters), str(row.replayed), first
