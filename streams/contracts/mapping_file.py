"""Mapping files: TOML that says where a platform's JSON keeps what a `ContentEvent` holds.

    [fields]
    event_id = "id"
    tenant = { value = "example" }
    kind = { from = "op", values = { NEW = "created", REPLY = "created", EDIT = "edited" } }
    occurred_at = { from = "sent_ms", unit = "epoch_ms" }
    content_id = "message.id"
    surface = { value = "message" }
    author.id = "message.sender.id"
    text = "message.body"
    urls = "message.links[*].href"
    "recipients[*].id" = "message.to[*].id"

The key is a field of `ContentEvent`; the string (or `from`) is a path as in `source_path`.
`value` is a constant, `values` renames (what it does not name stays as it is), `default` stands in
for what is absent or null, `unit` is `epoch_s` or `epoch_ms`. One file serves one input topic.
"""

import difflib
import re
import tomllib
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from matchers.deep_keys import MOST_PARTS, deep_key
from matchers.type_words import hint
from streams.contracts.event import ContentEvent, Media
from streams.contracts.mapping import Constant, EventMapping, Leaf, ListNode, Node, ObjectNode
from streams.contracts.source_path import ABSENT, SourcePath, parse_source_path

_TARGET = re.compile(r"(\w+)(\[\*\])?")
_RULE_KEYS = frozenset({"from", "value", "values", "default", "unit"})


class MappingError(Exception):
    """A mapping file that cannot be used; the message has a line for each problem."""

    def __init__(self, name: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{name}: {problem}" for problem in self.problems))


@dataclass(frozen=True, slots=True)
class _Rule:
    """One entry of `[fields]`: `path` is the target's names, each with whether `[*]` follows."""

    target: str
    path: tuple[tuple[str, bool], ...]
    annotation: Any
    source: SourcePath | None
    table: dict[str, Any]


def load_mapping(path: Path) -> EventMapping:
    """The mapping in a file. Raises `MappingError` naming the file, the key and what to do."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise MappingError(str(path), [f"cannot be read: {reason}"]) from None
    return parse_mapping(text, str(path))


def parse_mapping(text: str, name: str) -> EventMapping:
    """The mapping in a TOML text; `name` stands for the file in errors. Raises `MappingError`."""
    if (deep := deep_key(text)) is not None:
        raise MappingError(name, [f"line {deep}: a key has more than {MOST_PARTS} parts"])
    try:
        return _parse(text, name)
    except RecursionError:
        raise MappingError(name, ["nested too deeply for any field"]) from None


def _parse(text: str, name: str) -> EventMapping:
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # also a number of thousands of digits
        raise MappingError(name, [f"is not TOML: {error}"]) from None
    problems = [
        f"{key}: unknown key; a mapping file holds one table, [fields]"
        for key in document
        if key != "fields"
    ]
    fields = document.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise MappingError(name, [*problems, "[fields]: missing; it says which field reads what"])
    rules: list[_Rule] = []
    for target, given in _flat(cast("dict[str, Any]", fields)):
        try:
            rules.append(_rule(target, given))
        except ValueError as error:
            problems.append(f"fields.{target}: {error}")
    builder = _Builder(rules)
    root = builder.build()
    # A rule with a fault of its own also leaves its target unmapped: say that only once.
    named = {problem.split(":")[0] for problem in problems}
    problems += [p for p in builder.problems if p.split(":")[0] not in named]
    if problems:
        raise MappingError(name, problems)
    return EventMapping(name, root, builder.sources)


def _flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The rules of a table; a bare `author.id = …` is a nested table to TOML."""
    for key, value in table.items():
        inner = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        is_rule = not inner or bool(inner.keys() & {"from", "value"}) or inner.keys() <= _RULE_KEYS
        if not is_rule:
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _rule(target: str, given: Any) -> _Rule:
    path, annotation = _target(target)
    if isinstance(given, str):
        return _Rule(target, path, annotation, parse_source_path(given), {})
    if not isinstance(given, dict):
        raise ValueError("must be a path, or a table; for a constant write { value = … }")
    table = cast("dict[str, Any]", given)
    if unknown := sorted(table.keys() - _RULE_KEYS):
        raise ValueError(f"unknown key `{unknown[0]}`; there are {', '.join(sorted(_RULE_KEYS))}")
    if ("from" in table) == ("value" in table):
        raise ValueError("needs either `from` (a path) or `value` (a constant)")
    if "value" in table:
        if len(table) > 1:
            raise ValueError("a constant takes no other key than `value`")
        _check("value", table["value"], annotation)
        return _Rule(target, path, annotation, None, table)
    if not isinstance(table["from"], str):
        raise ValueError("`from` must be a path in quotes")
    source = parse_source_path(table["from"])
    if "default" in table:
        _check("default", table["default"], annotation)
    values = table.get("values", {})
    if not isinstance(values, dict):
        raise ValueError("`values` must be a table, platform's value = event's value")
    for key, value in cast("dict[str, Any]", values).items():
        _check(f"values.{key}", value, annotation)
    unit = table.get("unit")
    if unit is not None:
        if unit not in ("epoch_s", "epoch_ms"):
            raise ValueError("`unit` must be epoch_s or epoch_ms")
        if _core(annotation) is not datetime:
            raise ValueError("`unit` is for times only")
    return _Rule(target, path, annotation, source, table)


def _target(target: str) -> tuple[tuple[tuple[str, bool], ...], Any]:
    """The target's path and its type; raises `ValueError` for what `ContentEvent` has not."""
    owner: Any = ContentEvent
    path: list[tuple[str, bool]] = []
    annotation: Any = None
    parts = target.split(".")
    for number, part in enumerate(parts, 1):
        known = _TARGET.fullmatch(part)
        hints = _hints(owner) if known and _is_struct(owner) else {}
        if known is None or known[1] not in hints:
            near = difflib.get_close_matches(target, list(_all_targets(ContentEvent)), 1, 0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"ContentEvent has no such field{hint}")
        annotation = hints[known[1]]
        core, star = _core(annotation), known[2] is not None
        if get_origin(core) is list:
            if star != (number < len(parts)):
                raise ValueError(
                    f"{known[1]} is a list: write {known[1]}[*].… for a field of its items, "
                    f"or {known[1]} for the whole"
                )
            core = _core(get_args(core)[0])
        elif star:
            raise ValueError(f"{known[1]} is no list, so no [*] can follow it")
        path.append((known[1], star))
        owner = core
    return tuple(path), annotation


def _check(key: str, value: Any, annotation: Any) -> None:
    try:
        msgspec.convert(value, annotation)
    except msgspec.ValidationError as error:
        raise ValueError(f"`{key}` does not fit: {error}{hint(error, annotation)}") from None


class _Builder:
    """Makes the tree of nodes from the rules; collects every problem on the way."""

    def __init__(self, rules: list[_Rule]) -> None:
        self.rules = rules
        self.problems: list[str] = []
        self.sources: dict[str, str] = {
            rule.target: rule.source.text for rule in rules if rule.source is not None
        }

    def build(self) -> ObjectNode:
        return self._object(ContentEvent, "", self.rules, 0, (), optional=False)

    def _object(
        self,
        cls: type[Struct],
        prefix: str,
        rules: list[_Rule],
        level: int,
        lists: tuple[SourcePath, ...],
        *,
        optional: bool,
    ) -> ObjectNode:
        groups: dict[str, list[_Rule]] = {}
        for rule in rules:
            groups.setdefault(rule.path[level][0], []).append(rule)
        hints = _hints(cls)
        children: list[tuple[str, Node]] = []
        for name, group in groups.items():
            target = prefix + name
            whole = [rule for rule in group if len(rule.path) == level + 1]
            if whole and len(group) > 1:
                self._problem(target, "is mapped as a whole and in parts, or twice")
                continue
            core = _core(hints[name])
            node: Node | None
            if whole:
                node = self._leaf(whole[0], lists)
            elif get_origin(core) is list:
                item = _core(get_args(core)[0])
                node = self._list(item, f"{target}[*]", group, level + 1, lists)
            else:
                may_lack = name not in _required(cls)
                node = self._object(core, f"{target}.", group, level + 1, lists, optional=may_lack)
            if node is not None:
                children.append((name, node))
        for name in _required(cls):
            if name not in groups:
                self._problem(_first_leaf(cls, prefix, name), "must be mapped: it is required")
        if cls is Media and not groups.keys() & {"hashes", "uri", "inline"}:
            self._problem(prefix[:-1], "one of its hashes, uri and inline must be mapped")
        if cls is Media and "hashes" in groups and "hash_origin" not in groups:
            self._problem(f"{prefix}hash_origin", "must be mapped: it is required beside hashes")
        return ObjectNode(tuple(children), optional)

    def _list(
        self,
        item: type[Struct],
        target: str,
        rules: list[_Rule],
        level: int,
        lists: tuple[SourcePath, ...],
    ) -> Node | None:
        depth = len(lists)
        fanning = [r.source for r in rules if r.source is not None and r.source.stars > depth]
        if not fanning:
            self._problem(target, "no path of its fields has the [*] of the platform's list")
            return None
        first = fanning[0].up_to_star(depth + 1)
        for rule in rules:
            source = rule.source
            if (
                source is not None
                and source.stars > depth
                and source.up_to_star(depth + 1) != first
            ):
                self._problem(
                    rule.target,
                    f"reads another list than its neighbours: {source.text} "
                    f"beside {fanning[0].text}",
                )
                return None
        text = _prefix_text(fanning[0], depth + 1)
        source = SourcePath(text, first)
        if not self._inside(target, source, lists):
            return None
        self.sources[target] = text
        node = self._object(item, f"{target}.", rules, level, (*lists, source), optional=False)
        return ListNode(
            target="$." + target,
            source=source,
            depth=depth,
            steps=source.after_star(depth)[:-1],
            item=node,
        )

    def _leaf(self, rule: _Rule, lists: tuple[SourcePath, ...]) -> Node | None:
        source = rule.source
        if source is None:
            return Constant(rule.table["value"])
        core = _core(rule.annotation)
        if not self._inside(rule.target, source, lists):
            return None
        if source.stars > len(lists) and get_origin(core) is not list:
            self._problem(rule.target, f"is one value, but {source.text} reads each of a list")
            return None
        depth = min(source.stars, len(lists))
        return Leaf(
            target="$." + rule.target,
            source=source,
            depth=depth,
            steps=source.after_star(depth),
            renamed=rule.table.get("values", {}),
            unit=rule.table.get("unit"),
            as_text=core is str,
            default=rule.table.get("default", ABSENT),
        )

    def _inside(self, target: str, source: SourcePath, lists: tuple[SourcePath, ...]) -> bool:
        """Whether the lists that `source` fans out over are those that are being walked."""
        for number, walked in enumerate(lists[: source.stars], 1):
            if source.up_to_star(number) != walked.steps:
                self._problem(
                    target, f"{source.text} is outside {walked.text}, which makes the list"
                )
                return False
        return True

    def _problem(self, target: str, what: str) -> None:
        self.problems.append(f"fields.{target}: {what}")


def _prefix_text(source: SourcePath, stars: int) -> str:
    end = 0
    for _ in range(stars):
        end = source.text.index("[*]", end) + 3
    return source.text[:end]


def _core(annotation: Any) -> Any:
    """A type without `Annotated` and `| None`."""
    while True:
        origin = get_origin(annotation)
        if origin is Annotated:
            annotation = get_args(annotation)[0]
        elif origin in (Union, types.UnionType):
            annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
        else:
            return annotation


def _hints(cls: type[Struct]) -> dict[str, Any]:
    """The fields that a mapping may set; the schema version is ours."""
    hints = get_type_hints(cls, include_extras=True)
    return {name: hints[name] for name in cls.__struct_fields__ if name != "schema_version"}


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _required(cls: type[Struct]) -> tuple[str, ...]:
    return tuple(f.name for f in msgspec.structs.fields(cls) if f.required)


def _first_leaf(cls: type[Struct], prefix: str, name: str) -> str:
    core = _core(_hints(cls)[name])
    target = prefix + name
    if _is_struct(core) and (inner := _required(core)):
        return _first_leaf(core, f"{target}.", inner[0])
    return target


def _all_targets(cls: type[Struct], prefix: str = "") -> Iterator[str]:
    for name, annotation in _hints(cls).items():
        core = _core(annotation)
        yield prefix + name
        if get_origin(core) is list and _is_struct(item := _core(get_args(core)[0])):
            yield from _all_targets(item, f"{prefix}{name}[*].")
        elif _is_struct(core):
            yield from _all_targets(core, f"{prefix}{name}.")
