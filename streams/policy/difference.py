"""What differs between two policies, rule by rule."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from streams.policy.file import PolicyFile
from streams.policy.load import completed
from streams.policy.rules import Rule


class Difference(Struct, frozen=True):
    """`where` is a rule's id, or another part of the file: of a row of the scan basis what it is
    for (tenant, surface, jurisdiction), of a limit its rule and list. `changed` names the fields,
    each with what it was and what it is, as JSON; empty for what was added or removed whole."""

    kind: Literal["added", "removed", "changed", "moved"]
    where: str
    changed: dict[str, tuple[str, str]] = {}


def differences(before: PolicyFile, after: PolicyFile) -> list[Difference]:
    """The differences in force: what a file leaves out is the default policy's. Rules first, in
    the order of the newer file, then those that are gone, then the rest."""
    before, after = completed(before), completed(after)
    old = {rule.id: _trimmed(rule) for rule in before.rules or ()}
    new = {rule.id: _trimmed(rule) for rule in after.rules or ()}
    found: list[Difference] = []
    for id, rule in new.items():
        if id not in old:
            found.append(Difference("added", id))
        elif changed := _changed(old[id], rule):
            found.append(Difference("changed", id, changed))
    found += [Difference("removed", id) for id in old if id not in new]
    found += _moved(old, new)
    found += _rows("scan_basis", _BASIS_KEY, before.scan_basis, after.scan_basis)
    was, is_now = before.limits or (), after.limits or ()
    found += _rows("limits", _LIMIT_KEY, was, is_now)
    found += _moved(_limits(was), _limits(is_now))
    for name in ("closeness", "control_share"):
        was, is_now = getattr(before, name), getattr(after, name)
        if was != is_now:
            found.append(Difference("changed", name, {name: (_json(was), _json(is_now))}))
    return found


_BASIS_KEY = ("tenant", "surface", "jurisdiction")
_LIMIT_KEY = ("rule", "list")


def _trimmed(rule: Rule) -> Rule:
    """Space around a condition means nothing, and comes with how it is quoted."""
    return rule if rule.when is None else structs.replace(rule, when=rule.when.strip())


def _changed(old: Struct, new: Struct) -> dict[str, tuple[str, str]]:
    return {
        name: (_json(getattr(old, name)), _json(getattr(new, name)))
        for name in old.__struct_fields__
        if getattr(old, name) != getattr(new, name)
    }


def _moved(old: Iterable[str], new: Iterable[str]) -> list[Difference]:
    """What stands elsewhere among what both have: the order decides."""
    old, new = dict.fromkeys(old), dict.fromkeys(new)
    was = {name: place for place, name in enumerate(name for name in old if name in new)}
    is_now = [name for name in new if name in was]
    return [
        Difference("moved", name, {"place": (str(was[name] + 1), str(place + 1))})
        for place, name in enumerate(is_now)
        if was[name] != place
    ]


def _rows(
    table: str, key: Sequence[str], old: Sequence[Struct], new: Sequence[Struct]
) -> list[Difference]:
    """Rows that only one file has. Of those with the same `key`, one that is gone and one that
    has come, in their order, are one that changed."""
    gone: dict[str, deque[Struct]] = defaultdict(deque)
    for row in _less(old, new):
        gone[_named(row, key)].append(row)
    found: list[Difference] = []
    for row in _less(new, old):
        name = _named(row, key)
        if gone[name]:
            changed = _changed(gone[name].popleft(), row)
            found.append(Difference("changed", f"{table}: {name}", changed))
        else:
            found.append(Difference("added", f"{table}: {_json(row)}"))
    left = (row for rows in gone.values() for row in rows)
    return [*found, *(Difference("removed", f"{table}: {_json(row)}") for row in left)]


def _less(rows: Sequence[Struct], other: Sequence[Struct]) -> list[Struct]:
    """The rows that are not among the others, each as often as there are more of it."""
    left = Counter(map(_json, other))
    kept: list[Struct] = []
    for row in rows:
        if left[_json(row)] > 0:
            left[_json(row)] -= 1
        else:
            kept.append(row)
    return kept


def _limits(rows: Sequence[Struct]) -> list[str]:
    return [f"limits: {_named(row, _LIMIT_KEY)}" for row in rows]


def _named(row: Struct, key: Sequence[str]) -> str:
    return " ".join(str(getattr(row, name)) for name in key)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
