"""A type in words, for error messages: what could stand where something else does."""

import re
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

_PLAIN: dict[type, str] = {
    inspect.StrType: "a string",
    inspect.BoolType: "true or false",
    inspect.NoneType: "nothing",
    inspect.StructType: "a table",
    inspect.DictType: "a table",
    inspect.CustomType: "a string",  # such as a secret, which is read from one
}
_STEP = re.compile(r"\.\w+|\[[^\]]*\]")
_LISTS = (inspect.ListType, inspect.VarTupleType)


def allowed_values(kind: Any) -> str:
    """What a value of the type may be, such as `a whole number from 1 to 10`."""
    return _words(inspect.type_info(kind))


def hint(error: msgspec.ValidationError, kind: Any) -> str:
    """What could stand instead, to be put behind msgspec's message about a value of a type: the
    values of an enum, or the fields of a table and the one that was meant; "" for other errors."""
    message, _, path = str(error).partition(" - at ")
    of_key = path.startswith("`key`")
    path = path.removeprefix("`key` in ").strip("`")
    if unknown := re.search(r"unknown field `(.*)`", message):
        names = [name for each in types_at(path, kind) for name in _fields_of(each)]
        near = get_close_matches(unknown[1], names, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        return f"; {meant}its fields: {', '.join(names)}" if names else ""
    if not message.startswith("Invalid enum value"):
        return ""
    found = types_at(path.removesuffix(_item_of_a_list(path, kind)), kind)
    if of_key:
        found = [each.key_type for each in found if isinstance(each, inspect.DictType)]
    words = [_words(each) for each in found if not isinstance(each, inspect.NoneType)]
    return f"; allowed: {' or '.join(words)}" if words else ""


def types_at(path: str, kind: Any) -> list[inspect.Type]:
    """The types that a value may have at a path such as `$.list[0].roles[...]` of a type, without
    what marks them up."""
    types = alternatives(inspect.type_info(kind))
    for step in _STEP.findall(path):
        types = [
            one for each in types for inner in _step(each, step) for one in alternatives(inner)
        ]
    return types


def alternatives(kind: inspect.Type) -> list[inspect.Type]:
    """The types of a union, or the type alone."""
    if isinstance(kind, inspect.Metadata):
        return alternatives(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [one for inner in kind.types for one in alternatives(inner)]
    return [kind]


def _step(kind: inspect.Type, step: str) -> list[inspect.Type]:
    if isinstance(kind, inspect.StructType) and step.startswith("."):
        found = [field.type for field in kind.fields if field.encode_name == step[1:]]
        return [inspect.LiteralType((kind.tag,)), *found] if kind.tag_field == step[1:] else found
    if isinstance(kind, _LISTS) and step.startswith("["):
        return [kind.item_type]
    if isinstance(kind, inspect.DictType) and step.startswith("["):
        return [kind.value_type]
    return []


def _fields_of(kind: inspect.Type) -> list[str]:
    if not isinstance(kind, inspect.StructType):
        return []
    return [field.encode_name for field in kind.fields]


def _item_of_a_list(path: str, kind: Any) -> str:
    """The last step of a path that leads to an item of a list, which is told as a whole."""
    last = _STEP.findall(path)[-1:]
    if not last or not last[0].startswith("["):
        return ""
    lists = types_at(path.removesuffix(last[0]), kind)
    return last[0] if lists and all(isinstance(each, _LISTS) for each in lists) else ""


def _words(info: inspect.Type) -> str:
    if isinstance(info, inspect.Metadata):
        return _words(info.type)
    if isinstance(info, inspect.LiteralType):
        return ", ".join(str(value) for value in info.values)
    if isinstance(info, inspect.UnionType):
        return " or ".join(
            _words(part) for part in info.types if not isinstance(part, inspect.NoneType)
        )
    if isinstance(info, inspect.IntType | inspect.FloatType):
        noun = "a whole number" if isinstance(info, inspect.IntType) else "a number"
        low = f" from {info.ge}" if info.ge is not None else ""
        low = f" above {info.gt}" if info.gt is not None else low
        return f"{noun}{low}" + (f" to {info.le}" if info.le is not None else "")
    if isinstance(info, _LISTS):
        return f"a list of: {_words(info.item_type)}"
    if isinstance(info, inspect.StrType) and info.pattern:
        return f"a string like {info.pattern}"
    return _PLAIN.get(type(info), type(info).__name__)
