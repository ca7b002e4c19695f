"""A platform's own JSON read as a `ContentEvent`; `mapping_file` makes an `EventMapping`.

The mapping is a tree in the shape of `ContentEvent`. Reading a record walks the tree once and
builds plain objects, which msgspec then checks and converts as it would our own JSON.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec

from streams.contracts.dead_letter import BadRecord
from streams.contracts.event import ContentEvent
from streams.contracts.lone_surrogates import read_json
from streams.contracts.refusal import DecodeFailure, refuse
from streams.contracts.source_path import ABSENT, SourcePath, Step, follow, wrong_type

TimeUnit = Literal["epoch_s", "epoch_ms"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?")
_NOTHING: tuple[Any, ...] = (ABSENT, "", [])
_INDEX = re.compile(r"\[\d+\]|\[\.\.\.\]")


class _Scope(NamedTuple):
    """What a record's parts are read from: the document, then the item of each list that is
    being walked."""

    items: tuple[Any, ...]
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value in every event."""

    value: Any

    def read(self, scope: _Scope) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value read along `source`: `steps` from the item of list number `depth` (0: the document).

    `renamed` replaces values by their JSON spelling; others stay as they are. `unit` reads a
    number as a time. `as_text` writes an integer as a string, because many platforms' ids are
    integers and ours are strings. `default` stands in for what is absent or null.
    """

    target: str
    source: SourcePath
    depth: int
    steps: tuple[Step, ...]
    renamed: Mapping[str, Any]
    unit: TimeUnit | None
    as_text: bool
    default: Any = ABSENT

    def at_source(self, scope: _Scope) -> Any:
        """What the platform wrote, or `ABSENT`."""
        if self.source.attribute is not None:
            return scope.attributes.get(self.source.attribute, ABSENT)
        return follow(scope.items[self.depth], self.steps, self.source, self.target)

    def read(self, scope: _Scope) -> Any:
        value = self.at_source(scope)
        if value is ABSENT:
            return self.default
        if self.renamed and isinstance(value, str | int):
            value = self.renamed.get(_spelled(value), value)
        if self.unit is not None:
            return self._time(value)
        if self.as_text and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return value

    def _time(self, value: Any) -> datetime:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value) if "." in value else int(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRecord("wrong_type", "must be a number, or one in a string", self.target)
        try:
            if self.unit == "epoch_ms":
                return _EPOCH + timedelta(milliseconds=value)
            return _EPOCH + timedelta(seconds=value)
        except OverflowError:
            raise BadRecord(
                "invalid_value", f"is no time in the years 1 to 9999 as {self.unit}", self.target
            ) from None


@dataclass(frozen=True, slots=True)
class ObjectNode:
    """An object; left out when it is `optional` and nothing that it reads is there."""

    children: tuple[tuple[str, "Node"], ...]
    optional: bool

    def read(self, scope: _Scope) -> Any:
        read: dict[str, Any] = {}
        found = False
        for name, node in self.children:
            value = node.read(scope)
            if value is not ABSENT:
                read[name] = value
                found = found or not isinstance(node, Constant)
        return read if found or not self.optional else ABSENT


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list of objects, one for each item of the platform's list at `steps`."""

    target: str
    source: SourcePath
    depth: int
    steps: tuple[Step, ...]
    item: ObjectNode

    def read(self, scope: _Scope) -> Any:
        items = follow(scope.items[self.depth], self.steps, self.source, self.target)
        if items is ABSENT:
            return ABSENT
        if not isinstance(items, list):
            raise wrong_type("a list", self.source, self.target)
        outer = scope.items
        return [
            self.item.read(_Scope((*outer, item), scope.attributes))
            for item in items  # pyright: ignore[reportUnknownVariableType]
        ]


Node = Constant | Leaf | ObjectNode | ListNode


class EventMapping:
    """How the records of one input topic become events. Made by `load_mapping`.

    `sources` gives for a target path (lists as `[*]`) the platform's own path as written.
    """

    def __init__(self, name: str, root: ObjectNode, sources: Mapping[str, str]) -> None:
        self.name = name
        self._root = root
        self._sources = dict(sources)
        self._decoder = msgspec.json.Decoder()

    def read(self, value: bytes, attributes: Mapping[str, str] | None = None) -> ContentEvent:
        """The event in a record's JSON; `attributes` are those of its CloudEvent, if it is one.

        Raises `BadRecord`, whose `field` is the event's and whose message names the platform's
        own. Unlike in our own JSON, a number that no float can hold is refused wherever it is.
        """
        try:
            document = read_json(self._decoder.decode, value)
        except DecodeFailure as error:
            raise refuse(error, ContentEvent, value) from None
        if not isinstance(document, dict):
            raise BadRecord("wrong_type", "must be object", "$")
        try:
            built = self._root.read(_Scope((document,), attributes or {}))
            return msgspec.convert(built, ContentEvent)
        except BadRecord as refusal:
            raise self._named(refusal) from None
        except DecodeFailure as error:
            raise self._named(refuse(error, ContentEvent)) from None

    def paths(self) -> dict[str, str]:
        """Every target that is read from a record, such as `recipients[*].id`, with the platform's
        own path for it."""
        return {_plain(leaf.target): leaf.source.text for leaf in _leaves(self._root)}

    def found(self, value: bytes, attributes: Mapping[str, str] | None = None) -> set[str]:
        """Those of `paths` for which a record that `read` takes holds something (in a list, at
        least one of its items)."""
        scope = _Scope((read_json(self._decoder.decode, value),), attributes or {})
        return {_plain(leaf.target) for leaf in _filled(self._root, scope)}

    def _named(self, refusal: BadRecord) -> BadRecord:
        """The refusal with the platform's own field path in its message."""
        field = refusal.field or "$"
        source = self.source_of(field)
        if source is None:
            return refusal
        return BadRecord(refusal.error, f"{refusal.message} (mapped from {source})", refusal.field)

    def source_of(self, field: str) -> str | None:
        """The platform's path for an event's field such as `$.media[1].uri`, with its indexes."""
        target = _INDEX.sub("[*]", _plain(field))
        while target and target not in self._sources:
            target = target.removesuffix("[*]") if target.endswith("[*]") else _parent(target)
        if not target:
            return None
        source = self._sources[target]
        indexes = re.findall(r"\[\d+\]", field)[: target.count("[*]")]
        if source.count("[*]") == len(indexes):
            for index in indexes:
                source = source.replace("[*]", index, 1)
        return source


def _leaves(node: Node) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, ListNode):
        yield from _leaves(node.item)
    elif isinstance(node, ObjectNode):
        for _, child in node.children:
            yield from _leaves(child)


def _filled(node: Node, scope: _Scope) -> Iterator[Leaf]:
    """The leaves whose sources are there; an empty list or text is not."""
    if isinstance(node, Leaf):
        if node.at_source(scope) not in _NOTHING:
            yield node
    elif isinstance(node, ListNode):
        items = follow(scope.items[node.depth], node.steps, node.source, node.target)
        for item in () if items is ABSENT else items:
            yield from _filled(node.item, _Scope((*scope.items, item), scope.attributes))
    elif isinstance(node, ObjectNode):
        for _, child in node.children:
            yield from _filled(child, scope)


def _plain(target: str) -> str:
    return target.removeprefix("$").removeprefix(".")


def _parent(target: str) -> str:
    return target.rpartition(".")[0]


def _spelled(value: str | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
