"""Paths into a platform's JSON, as mapping files write them.

`message.sender.id` goes by keys, `people[0].id` by an index, `people[*].id` to each item of a
list. A key with dots or brackets in it is quoted: `'a.b'.c`. `ce:id` reads an attribute of the
CloudEvent that the record came as, instead of its data.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from streams.contracts.cloud_events import ATTRIBUTES
from streams.contracts.dead_letter import BadRecord

_SEGMENT = re.compile(r"(?:'([^']+)'|([^.'\[\]\s]+))((?:\[(?:\*|\d{1,6})\])*)")
_BRACKET = re.compile(r"\[(\*|\d+)\]")


class Absent:
    """The type of `ABSENT`: there is nothing at a path, or null."""


ABSENT: Final = Absent()

Each = Literal["*"]


class Key(NamedTuple):
    """A step to the value of an object's key."""

    name: str


Step = Key | int | Each


class SourcePath(NamedTuple):
    """`text` as written; `steps` through the data, or `attribute` of the CloudEvent."""

    text: str
    steps: tuple[Step, ...]
    attribute: str | None = None

    @property
    def stars(self) -> int:
        """How many lists the path fans out over."""
        return self.steps.count("*")

    def up_to_star(self, count: int) -> tuple[Step, ...]:
        """The steps up to and with the `count`-th `[*]`."""
        end = 0
        for _ in range(count):
            end = self.steps.index("*", end) + 1
        return self.steps[:end]

    def after_star(self, count: int) -> tuple[Step, ...]:
        """The steps after the `count`-th `[*]`."""
        return self.steps[len(self.up_to_star(count)) :]


def parse_source_path(text: str) -> SourcePath:
    """Raises `ValueError` saying what is wrong with `text`."""
    if text.startswith("ce:"):
        attribute = text[3:]
        if attribute not in ATTRIBUTES:
            raise ValueError(
                f"{text!r} is no CloudEvent attribute that can be read; "
                f"there are {', '.join('ce:' + name for name in ATTRIBUTES)}"
            )
        return SourcePath(text, (), attribute)
    steps: list[Step] = []
    at = 2 if text.startswith("$.") else 0
    while True:
        segment = _SEGMENT.match(text, at)
        if segment is None:
            raise ValueError(
                f"{text!r} is no path: a key is expected at character {at + 1} "
                "(write keys with dots between, [*] or [0] after a list, quotes round odd keys)"
            )
        steps.append(Key(segment[1] or segment[2]))
        steps += map(_bracket, _BRACKET.findall(segment[3]))
        at = segment.end()
        if at == len(text):
            return SourcePath(text, tuple(steps))
        if text[at] != ".":
            raise ValueError(f"{text!r} is no path: a dot is expected at character {at + 1}")
        at += 1


def _bracket(text: str) -> Step:
    return "*" if text == "*" else int(text)


def follow(value: Any, steps: tuple[Step, ...], source: SourcePath, target: str) -> Any:
    """What is at `steps` from `value`, or `ABSENT`; with a `[*]` among them the flat list of what
    is there. Raises `BadRecord` (`wrong_type`, at `target`) where an object or list is expected
    and something else stands."""
    for position, step in enumerate(steps):
        if value is None:
            return ABSENT
        if step == "*":
            if not isinstance(value, list):
                raise wrong_type("a list", source, target)
            rest = steps[position + 1 :]
            found: list[Any] = []
            for item in value:  # pyright: ignore[reportUnknownVariableType]
                inner = follow(item, rest, source, target)
                if inner is ABSENT:
                    continue
                found += inner if "*" in rest else [inner]
            return found
        if isinstance(step, int):
            if not isinstance(value, list):
                raise wrong_type("a list", source, target)
            value = value[step] if step < len(value) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        else:
            if not isinstance(value, Mapping):
                raise wrong_type("an object", source, target)
            value = value.get(step.name)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return ABSENT if value is None else value  # pyright: ignore[reportUnknownVariableType]


def wrong_type(expected: str, source: SourcePath, target: str) -> BadRecord:
    """For something on the way along `source` that is not `expected`."""
    return BadRecord("wrong_type", f"{expected} is expected on the way along {source.text}", target)
