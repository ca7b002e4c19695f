"""Reading a policy file (TOML), with errors that name the line and the field."""

import hashlib
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from streams.policy.facts import Closeness
from streams.policy.policy import Policy
from streams.policy.rules import BadCondition, Rule, compile_rule
from streams.policy.scan_basis import ScanBasis, ScanBasisRow
from streams.type_words import allowed_values


class PolicyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy file. Without `rules` the default policy's apply, without `closeness` its own."""

    version: Annotated[str, Meta(min_length=1, max_length=64)]
    scan_basis: list[ScanBasisRow] = []
    closeness: Closeness | None = None
    rules: list[Rule] | None = None


class _Default(Struct):
    """What the packaged policy gives to files that leave it out."""

    rules: list[Rule]
    closeness: Closeness


class PolicyError(Exception):
    """A policy cannot be used; `field` is a path such as `$.rules[2].action`."""

    def __init__(self, source: str, line: int | None, field: str | None, message: str) -> None:
        where = source if line is None else f"{source}:{line}"
        super().__init__(f"{where}: {field}: {message}" if field else f"{where}: {message}")
        self.source = source
        self.line = line
        self.field = field
        self.message = message


def load_policy(path: Path | None) -> Policy:
    """The policy in a file, or the default one.

    Raises:
        PolicyError: the file cannot be read, is no TOML, or is no policy.
    """
    if path is None:
        return default_policy()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(str(path), None, None, f"cannot be read: {error}") from error
    return parse_policy(text, str(path))


def default_policy() -> Policy:
    """The packaged policy: rules, and no scan basis, so that nothing is scanned."""
    return parse_policy(_default_text(), "default.toml")


def parse_policy(text: str, source: str) -> Policy:
    """The policy in a file's text. Its version in decisions is the file's, with the start of the
    text's SHA-256, so that an edit without a new version can be told. Raises `PolicyError`."""
    file = parse_policy_file(text, source)
    rules, closeness = file.rules, file.closeness
    if rules is None or closeness is None:
        default = msgspec.convert(tomllib.loads(_default_text()), _Default)
        rules = default.rules if rules is None else rules
        closeness = closeness or default.closeness
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Policy(f"{file.version}+{digest}", ScanBasis(file.scan_basis), rules, closeness)


def parse_policy_file(text: str, source: str) -> PolicyFile:
    """A policy file's content, checked. Raises `PolicyError`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise PolicyError(source, int(line[1]) if line else None, None, str(error)) from error
    try:
        file = msgspec.convert(raw, PolicyFile)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at ")
        field = field.strip("`") or "$"
        message += _hint(message, field)
        raise PolicyError(source, _line_of(text, field), field, message) from error
    seen: set[str] = set()
    for number, rule in enumerate(file.rules or ()):
        field = f"$.rules[{number}]"
        if rule.id in seen:
            field += ".id"
            raise PolicyError(source, _line_of(text, field), field, f"a second {rule.id!r}")
        seen.add(rule.id)
        try:
            compile_rule(rule)
        except BadCondition as error:
            field += f".where.{error.field}"
            raise PolicyError(source, _line_of(text, field), field, str(error)) from error
    return file


def _default_text() -> str:
    return resources.files("streams.policy").joinpath("default.toml").read_text(encoding="utf-8")


def _hint(message: str, field: str) -> str:
    """What may stand at a path instead: a field's values, or a table's fields."""
    path = re.fullmatch(r"\$(?:\.(\w+)(?:\[\d+\])?(?:\.(\w+))?.*)?", field)
    table, name = (path[1], path[2]) if path else (None, None)
    known = msgspec.structs.fields(_TABLES.get(table, PolicyFile))
    if "unknown field" in message:
        return f"; its fields: {', '.join(each.name for each in known)}"
    kind = next((each.type for each in known if each.name == name), None)
    return f"; allowed: {allowed_values(kind)}" if kind and "enum" in message else ""


_TABLES: dict[str | None, type[Struct]] = {
    "scan_basis": ScanBasisRow,
    "rules": Rule,
    "closeness": Closeness,
}


def _line_of(text: str, field: str) -> int | None:
    """The line of a path such as `$.rules[2].where.level`: of its key within the table, else of
    the table's header. `None` when the file writes it in another way."""
    path = re.fullmatch(r"\$\.(\w+)(?:\[(\d+)\])?(?:\.(\w+))?.*", field)
    if path is None:
        return None
    table, number, key = path[1], path[2], path[3]
    lines = text.splitlines()
    if number is None:
        return _find(lines, rf"\s*(\[\s*{table}\s*\]|{table}\s*=)", 0, len(lines))
    header = rf"\s*\[\[\s*{table}\s*\]\]"
    headers = [i for i, line in enumerate(lines) if re.match(header, line)]
    if int(number) >= len(headers):
        return None
    start = headers[int(number)]
    end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("[[")), len(lines))
    found = _find(lines, rf"\s*\"?{key}\"?\s*=", start, end) if key else None
    return found or start + 1


def _find(lines: list[str], pattern: str, start: int, end: int) -> int | None:
    return next((i + 1 for i in range(start, end) if re.match(pattern, lines[i])), None)
