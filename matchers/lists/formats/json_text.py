"""Tolerant looks at decoded JSON whose producers disagree on types."""

from typing import Any, TypeVar, cast

import msgspec

_T = TypeVar("_T")


def json_of(data: bytes | msgspec.Raw, kind: type[_T]) -> _T:
    """Decoded JSON. Raises `ValueError` for what is none, is of another kind, or nests too deep."""
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise ValueError("it nests too deep") from None


def as_dict(value: object) -> dict[str, Any]:
    """The object, or an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The list, or an empty one for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def text_of(value: object) -> str:
    """A string or number as text without surrounding space; empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def truth_of(value: object) -> bool:
    """A boolean, or its spelling as a string or number; false for what is neither."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes")
    return value is True or (isinstance(value, int) and value == 1)
