"""What differs between two policies, rule by rule."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from streams.policy.file import PolicyFile
from streams.policy.load import completed
from streams.policy.rules import Rule


class Difference(Struct, frozen=True):
    """`where` is a rule's id, or another part of the file. `changed` names the fields, each with
    what it was and what it is, as JSON; empty for what was added or removed whole."""

    kind: Literal["added", "removed", "changed", "moved"]
    where: str
    changed: dict[str, tuple[str, str]] = {}


def differences(before: PolicyFile, after: PolicyFile) -> list[Difference]:
    """The differences in force: what a file leaves out is the default policy's. Rules first, in
    the order of the newer file, then those that are gone, then the rest."""
    before, after = completed(before), completed(after)
    old = {rule.id: rule for rule in before.rules or ()}
    new = {rule.id: rule for rule in after.rules or ()}
    found: list[Difference] = []
    for id, rule in new.items():
        if id not in old:
            found.append(Difference("added", id))
        elif changed := _changed(old[id], rule):
            found.append(Difference("changed", id, changed))
    found += [Difference("removed", id) for id in old if id not in new]
    found += _moved(old, new)
    found += _rows("scan_basis", before.scan_basis, after.scan_basis)
    found += _rows("limits", before.limits or (), after.limits or ())
    for name in ("closeness", "control_share"):
        was, is_now = getattr(before, name), getattr(after, name)
        if was != is_now:
            found.append(Difference("changed", name, {name: (_json(was), _json(is_now))}))
    return found


def _changed(old: Rule, new: Rule) -> dict[str, tuple[str, str]]:
    return {
        name: (_json(getattr(old, name)), _json(getattr(new, name)))
        for name in old.__struct_fields__
        if getattr(old, name) != getattr(new, name)
    }


def _moved(old: Mapping[str, Rule], new: Mapping[str, Rule]) -> list[Difference]:
    """Rules that stand elsewhere among those that both have: the order decides."""
    was = [id for id in old if id in new]
    is_now = [id for id in new if id in old]
    if was == is_now:
        return []
    return [
        Difference("moved", id, {"place": (str(was.index(id) + 1), str(place + 1))})
        for place, id in enumerate(is_now)
        if was.index(id) != place
    ]


def _rows(table: str, old: Sequence[Struct], new: Sequence[Struct]) -> list[Difference]:
    gone = [f"{table}: {_json(row)}" for row in old if row not in new]
    added = [f"{table}: {_json(row)}" for row in new if row not in old]
    return [
        *(Difference("added", row) for row in added),
        *(Difference("removed", row) for row in gone),
    ]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
