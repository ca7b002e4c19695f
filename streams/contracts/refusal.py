"""From a decoder's error to a `BadRecord`: its class, its field, and words without any content.

msgspec puts values of the record into some of its messages (an unknown enum value, a tag). So no
message of it is passed on: each known form is said again in our words, an unknown form becomes a
general one.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, get_args

import msgspec
from msgspec import Raw, Struct
from msgspec.inspect import LiteralType

from matchers.type_words import types_at
from streams.contracts.dead_letter import BadRecord, DeadLetterClass

DecodeFailure = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""Everything that msgspec raises when it decodes or converts what others wrote."""

_PATH = re.compile(r"\$(?:\.\w+|\[(?:\d+|\.\.\.)\])*")
_INDEX = re.compile(r"\[(?:\d+|\.\.\.)\]")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_WRONG_TYPE = re.compile(r"Expected `([\w |]+)`, got `([\w |]+)`")
_BOUND = re.compile(r"Expected `(\w+)` (?:of length )?(>=|<=|>|<) (-?\d+(?:\.\d+)?)")
_REGEX = re.compile(r"Expected `str` matching regex '(.+)'")
_MALFORMED = re.compile(r"JSON is malformed: ([\w\- ]+) \(byte (\d+)\)")
_LONE_SURROGATE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_BOM = b"\xef\xbb\xbf"


class _Version(Struct):
    schema_version: Any = 1


_version_decoder = msgspec.json.Decoder(_Version)


def refuse(
    error: Exception, root: type[Struct], value: bytes | None = None, version: object = None
) -> BadRecord:
    """The `BadRecord` for an error that msgspec raised on decoding to, or converting to, `root`.

    `value` is the JSON that was decoded; with it an invalid character is found to a field.
    `version` is the record's own `schema_version` where it is known by other means. Fields read
    `$` for the record itself and so on, with the indexes of lists.
    """
    if isinstance(error, RecursionError):
        return BadRecord("too_deep", "the JSON is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        field = None if value is None else _field_of_invalid_utf8(value, root)
        return BadRecord("not_utf8", "holds bytes that are not UTF-8", field)
    if not isinstance(error, msgspec.ValidationError):
        return _malformed(str(error), value or b"")
    if value is not None:
        version = _version_of(value)
    if isinstance(version, int) and version not in _versions(root):
        return _unknown_version("$.schema_version", map(str, _versions(root)))
    message, _, path = str(error).rpartition(" - at `")
    if not message:
        message, path = path, "$"
    path = path.removesuffix("`").removeprefix("key in ")
    if not _PATH.fullmatch(path):
        path = "$"
    if isinstance(error.__cause__, ValueError):
        # Raised by a contract's __post_init__, whose words are ours.
        return BadRecord("invalid_value", str(error.__cause__), path)
    return _invalid(message, path, root)


def _malformed(message: str, value: bytes) -> BadRecord:
    if value.startswith(_BOM):
        return BadRecord("not_json", "begins with a byte order mark; write UTF-8 without one")
    if known := _MALFORMED.fullmatch(message):
        what, at = known.groups()
        if "surrogate" in what:
            return BadRecord("not_utf8", f"holds a lone surrogate escape (byte {at})")
        return BadRecord("not_json", f"is not JSON: {what} (byte {at})")
    if _LONE_SURROGATE.search(value):
        return BadRecord("not_json", "ends too early, or holds a lone surrogate escape")
    return BadRecord("not_json", f"is not JSON: ends too early (after {len(value)} bytes)")


def _unknown_version(path: str, known: Iterable[str]) -> BadRecord:
    return BadRecord(
        "unknown_schema_version",
        f"this version of the contract is not known here (known: {', '.join(known)}); upgrade "
        "Seawall, or have the producer write a known one",
        path,
    )


def _invalid(message: str, path: str, root: type[Struct]) -> BadRecord:
    error: DeadLetterClass = "invalid_value"
    if known := _MISSING.fullmatch(message):
        path = f"{path}.{known[1]}"
        return BadRecord("missing_field", "this required field is missing", path)
    if known := _WRONG_TYPE.fullmatch(message):
        return BadRecord("wrong_type", f"must be {known[1]}, but is {known[2]}", path)
    if message == "Expected `str`":
        return BadRecord("wrong_type", "must be str", path)
    if known := _BOUND.fullmatch(message):
        kind, relation, bound = known.groups()
        unit = {"str": " characters", "array": " items", "object": " fields", "bytes": " bytes"}
        text = f"must be {relation} {bound}{unit.get(kind, '')}"
    elif known := _REGEX.fullmatch(message):
        text = f"must match {known[1]}"
    elif message.startswith(("Invalid enum value", "Invalid value")):
        allowed = _allowed(_INDEX.sub("[]", path), root)
        if path.endswith(".schema_version"):
            return _unknown_version(path, allowed)
        text = f"must be one of {', '.join(allowed)}" if allowed else "is not an allowed value"
    elif message == "Invalid RFC3339 encoded datetime":
        text = "must be an RFC 3339 time such as 2026-01-31T12:00:00Z"
    elif message == "Expected `datetime` with a timezone component":
        text = "must be a time with an offset, such as Z"
    elif message == "Invalid base64 encoded string":
        text = "must be base64"
    elif message in ("Number out of range", "Integer value out of range"):
        text = "is a number out of range"
    else:
        text = "is not valid here"
    return BadRecord(error, text, path)


def _version_of(value: bytes) -> object:
    try:
        return _version_decoder.decode(value).schema_version
    except DecodeFailure:
        return None


@cache
def _versions(root: type[Struct]) -> tuple[Any, ...]:
    """The values of `schema_version` that `root` knows; (1,) for what has none."""
    annotation = root.__annotations__.get("schema_version")
    return get_args(annotation) or (1,)


@cache
def _raw_fields(root: type[Struct]) -> type[Struct]:
    names = [field.encode_name for field in msgspec.structs.fields(root)]
    return msgspec.defstruct("_RawFields", [(name, Raw, Raw()) for name in names])


def _field_of_invalid_utf8(value: bytes, root: type[Struct]) -> str | None:
    """The first known field whose JSON is not UTF-8 (unknown ones are skipped undecoded)."""
    try:
        fields = msgspec.json.decode(value, type=_raw_fields(root))
    except DecodeFailure:
        return None
    for name in fields.__struct_fields__:
        try:
            bytes(getattr(fields, name)).decode()
        except UnicodeDecodeError:
            return f"$.{name}"
    return None


@cache
def _allowed(path: str, root: type[Struct]) -> tuple[str, ...]:
    """The values of the enum, or the tags of the union, that `path` (indexes as `[]`) leads to."""
    values = [
        str(value)
        for kind in types_at(path, root)
        if isinstance(kind, LiteralType)
        for value in kind.values
    ]
    return tuple(sorted(set(values)))
