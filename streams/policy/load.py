"""Reading a policy file (TOML), with errors that name the line and the field."""

import codecs
import hashlib
import re
import tomllib
from collections.abc import Callable, Collection
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

import msgspec

from matchers.deep_keys import MOST_PARTS, deep_key
from matchers.type_words import hint
from streams.policy.facts import Closeness
from streams.policy.file import PolicyFile
from streams.policy.limits import ANY
from streams.policy.policy import Policy
from streams.policy.rules import BadRule, compile_rule, unknown_list
from streams.policy.scan_basis import ScanBasis
from streams.policy.source_lines import line_of, line_within, pointed_at

MAX_BYTES = 256 * 1024
"""Of a policy file: it must fit a record of the control topic with the one before it."""
MOST_RULES = 1_000
MOST_LISTS = 1_000
"""Lists that the rules of a file name: what is looked up by list is kept for each."""
MOST_EFFORT = 2_000_000
"""Of checking the conditions of a file (`Condition.effort`): seconds on one core, for a worker
takes a new policy while events wait."""


class PolicyError(Exception):
    """A policy cannot be used; `field` is a path such as `$.rules[2].action`. `excerpt` is the
    line of a condition and, below it, a mark at the place; "" where there is none to show."""

    def __init__(
        self,
        source: str,
        line: int | None,
        field: str | None,
        message: str,
        excerpt: str = "",
    ) -> None:
        where = source if line is None else f"{source}:{line}"
        super().__init__(f"{where}: {field}: {message}" if field else f"{where}: {message}")
        self.source = source
        self.line = line
        self.field = field
        self.message = message
        self.excerpt = excerpt


def load_policy(path: Path | None, known_lists: Collection[str] | None = None) -> Policy:
    """The policy in a file, or the default one. With `known_lists`, lists that rules and limits
    name must be among them.

    Raises:
        PolicyError: the file cannot be read, is no TOML, or is no policy.
    """
    if path is None:
        return default_policy()
    return parse_policy(read_policy(path), str(path), known_lists)


def read_policy(path: Path) -> str:
    """A policy file's text, of which no more than `MAX_BYTES` and one is read. Raises
    `PolicyError`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError(str(path), None, None, f"cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise PolicyError(str(path), None, None, _TOO_LARGE)
    try:
        content = content.removeprefix(codecs.BOM_UTF8)  # some editors of Windows write one
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise PolicyError(str(path), line, None, f"is not UTF-8: {error.reason}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def default_policy() -> Policy:
    """The packaged policy: rules, and no scan basis, so that nothing is scanned."""
    return parse_policy(_default_text(), DEFAULT_SOURCE)


def parse_policy(text: str, source: str, known_lists: Collection[str] | None = None) -> Policy:
    """The policy in a file's text. Its version in decisions is the file's, with the start of the
    SHA-256 of the text (and of the default policy's, where that is used), so that an edit without
    a new version can be told. Raises `PolicyError`."""
    return policy_of(parse_policy_file(text, source, known_lists), text)


def policy_of(file: PolicyFile, text: str) -> Policy:
    """The policy of a checked file and its text."""
    whole = completed(file)
    digest = hashlib.sha256(text.encode())
    if None in (file.rules, file.closeness, file.limits):
        digest.update(_default_text().encode())
    return Policy(
        f"{file.version}+{digest.hexdigest()[:8]}",
        ScanBasis(file.scan_basis),
        whole.rules or (),
        whole.closeness or _default().closeness or Closeness(distance={}, quality=0, similarity=0),
        whole.limits or (),
        whole.control_share,
    )


def completed(file: PolicyFile) -> PolicyFile:
    """The file with what it leaves out taken from the default policy. Tests belong to rules."""
    default = _default()
    return msgspec.structs.replace(
        file,
        rules=default.rules if file.rules is None else file.rules,
        closeness=file.closeness or default.closeness,
        limits=default.limits if file.limits is None else file.limits,
        tests=[*(default.tests if file.rules is None else ()), *file.tests],
    )


def parse_policy_file(
    text: str, source: str, known_lists: Collection[str] | None = None
) -> PolicyFile:
    """A policy file's content, checked. Raises `PolicyError`."""

    def refuse(field: str, message: str, line: int = 0, excerpt: str = "") -> PolicyError:
        return PolicyError(source, line_within(text, field, line), field, message, excerpt)

    if len(text.encode()) > MAX_BYTES:
        raise PolicyError(source, None, None, _TOO_LARGE)
    if (deep := deep_key(text)) is not None:
        raise PolicyError(source, deep, None, f"a key has more than {MOST_PARTS} parts")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise PolicyError(source, int(line[1]) if line else None, None, str(error)) from error
    except RecursionError:
        raise PolicyError(source, None, None, _TOO_DEEP) from None
    except ValueError as error:  # such as a number of thousands of digits
        raise PolicyError(source, None, None, str(error)) from error
    _refuse_where(raw, refuse)
    try:
        file = msgspec.convert(raw, PolicyFile)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at ")
        field = field.strip("`") or "$"
        message += hint(error, PolicyFile)
        raise PolicyError(source, line_of(text, field), field, message) from error
    except RecursionError:
        raise PolicyError(source, None, None, _TOO_DEEP) from None
    unseen = next((char for char in file.version if not char.isprintable()), None)
    if unseen is not None:
        raise refuse("$.version", f"holds {unseen!r}, which nobody can see in a decision")
    _check_rules(file, known_lists, refuse)
    known_rules = {rule.id for rule in completed(file).rules or ()}
    for number, limit in enumerate(file.limits or ()):
        if limit.rule != ANY and limit.rule not in known_rules:
            raise refuse(f"$.limits[{number}].rule", f"there is no rule {limit.rule!r}")
        if known_lists is not None and limit.list not in (ANY, "", *known_lists):
            raise refuse(f"$.limits[{number}].list", unknown_list(limit.list, known_lists))
    return file


def _check_rules(
    file: PolicyFile, known_lists: Collection[str] | None, refuse: Callable[..., PolicyError]
) -> None:
    """Compile every rule, and stop where there are too many, or checking takes too long."""
    rules = file.rules or ()
    if len(rules) > MOST_RULES:
        raise refuse(f"$.rules[{MOST_RULES}]", f"is one more rule than {MOST_RULES:,}, the most")
    seen: set[str] = set()
    lists: set[str] = set()
    effort = 0
    for number, rule in enumerate(rules):
        field = f"$.rules[{number}]"
        if rule.id in seen:
            raise refuse(f"{field}.id", f"a second {rule.id!r}")
        seen.add(rule.id)
        try:
            compiled = compile_rule(rule, known_lists)
        except BadRule as error:
            excerpt = pointed_at(rule.when or "", error.line, error.column) if error.column else ""
            raise refuse(f"{field}.{error.field}", str(error), error.line, excerpt) from None
        lists |= compiled.lists
        if len(lists) > MOST_LISTS:
            raise refuse(field, f"the rules up to here name more than {MOST_LISTS:,} lists")
        effort += compiled.condition.effort if compiled.condition is not None else 0
        if effort > MOST_EFFORT:
            raise refuse(
                f"{field}.when",
                "the conditions up to here take too long to check: "
                f"{effort:,} steps, and {MOST_EFFORT:,} are the most (cases to try, times "
                "variables). Write them over fewer variables and numbers, or keep fewer rules",
            )


_TOO_LARGE = f"is larger than {MAX_BYTES} bytes"
_TOO_DEEP = "is nested too deeply"


def _refuse_where(raw: dict[str, Any], refuse: Callable[..., PolicyError]) -> None:
    rules = raw.get("rules")
    listed = cast("list[object]", rules) if isinstance(rules, list) else []
    for number, rule in enumerate(listed):
        if isinstance(rule, dict) and "where" in rule:
            raise refuse(
                f"$.rules[{number}].where",
                "conditions are written as `when`, such as when = 'signal.match == \"exact\"'",
            )


DEFAULT_SOURCE = "default.toml"


@cache
def _default() -> PolicyFile:
    return msgspec.convert(tomllib.loads(_default_text()), PolicyFile)


@cache
def _default_text() -> str:
    return resources.files("streams.policy").joinpath(DEFAULT_SOURCE).read_text(encoding="utf-8")
