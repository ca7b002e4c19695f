"""A type in words, for error messages."""

from typing import Any

from msgspec import inspect

from streams.secret import Secret

_PLAIN: dict[type, str] = {
    inspect.StrType: "a string",
    inspect.BoolType: "true or false",
    inspect.NoneType: "nothing",
}


def allowed_values(kind: Any) -> str:
    """What a value of the type may be, such as `a whole number from 1 to 10`."""
    return _words(inspect.type_info(kind))


def _words(info: inspect.Type) -> str:
    if isinstance(info, inspect.Metadata):
        return _words(info.type)
    if isinstance(info, inspect.LiteralType):
        return ", ".join(str(value) for value in info.values)
    if isinstance(info, inspect.UnionType):
        return " or ".join(_words(part) for part in info.types if not _is_none(part))
    if isinstance(info, inspect.IntType | inspect.FloatType):
        noun = "a whole number" if isinstance(info, inspect.IntType) else "a number"
        low = f" from {info.ge}" if info.ge is not None else ""
        low = f" above {info.gt}" if info.gt is not None else low
        return f"{noun}{low}" + (f" to {info.le}" if info.le is not None else "")
    if isinstance(info, inspect.VarTupleType):
        return f"a list of: {_words(info.item_type)}"
    if isinstance(info, inspect.StrType) and info.pattern:
        return f"a string like {info.pattern}"
    if isinstance(info, inspect.CustomType) and info.cls is Secret:
        return "a string"
    return _PLAIN.get(type(info), type(info).__name__)


def _is_none(info: inspect.Type) -> bool:
    return isinstance(info, inspect.NoneType)
