"""The words of a condition: which variables it compares with which literals.

Only what conditions need is read: names, plain strings, numbers, comparisons. Neither CEL engine
gives its syntax tree to Python.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"[^"\\\n]*"|'[^'\\\n]*')
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\w))
      | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<operator>&&|\|\||==|!=|<=|>=|[<>!()\[\],?:-])
      | (?P<other>\S)
    )""",
    re.VERBOSE,
)
_METHOD = re.compile(r"(\w+\.\w+)\.\w+")


ORDERINGS = frozenset({"<", "<=", ">", ">="})
COMPARISONS = ORDERINGS | {"==", "!="}


class Token(NamedTuple):
    """`kind` is string, number, name or operator; a string's `text` is without its quotes.
    `at` counts characters from the condition's start."""

    kind: str
    text: str
    at: int


class UnreadableCondition(ValueError):
    """A character that no condition holds, `at` so many characters from the start."""

    def __init__(self, at: int, message: str) -> None:
        super().__init__(message)
        self.at = at


class Use(NamedTuple):
    """Where a variable stands: the tokens beside it, the function called on it ("" none), and
    whether the token before the one before is a string, as in `"word" in name`."""

    name: str
    at: int
    before: str
    after: str
    called: str
    of_word: bool


class Compared(NamedTuple):
    """A variable and a string that it is compared with for equality or membership."""

    name: str
    text: str
    at: int


def tokens_of(condition: str) -> list[Token]:
    """The tokens, in order. Raises `UnreadableCondition`."""
    found: list[Token] = []
    position = 0
    end = len(condition.rstrip())
    while position < end:
        match = _TOKEN.match(condition, position)
        if match is None:
            break
        kind = str(match.lastgroup)
        text, at = match[kind], match.start(kind)
        if kind == "other":
            raise UnreadableCondition(
                at,
                f"{text!r} cannot stand here: a condition has names, plain strings (without "
                "backslashes), numbers, comparisons, in, &&, ||, ! and ?:",
            )
        found.append(Token(kind, text[1:-1] if kind == "string" else text, at))
        position = match.end()
    return found


def flat(condition: str, tokens: list[Token]) -> str:
    """The condition with each variable's dot made an underscore, at the same places: the engine
    that runs conditions has no names with dots."""
    parts: list[str] = []
    position = 0
    for token in tokens:
        if token.kind == "name":
            parts.append(condition[position : token.at])
            parts.append(token.text.replace(".", "_", 1))
            position = token.at + len(token.text)
    return "".join(parts) + condition[position:]


def names_of(tokens: list[Token]) -> list[str]:
    """The variables named, each once, in order of first appearance."""
    names = (
        _variable(token.text) for token in tokens if token.kind == "name" and "." in token.text
    )
    return list(dict.fromkeys(names))


def called_on(tokens: list[Token]) -> set[str]:
    """The variables whose strings are looked into by a function."""
    return {
        found[1]
        for token in tokens
        if token.kind == "name" and (found := _METHOD.fullmatch(token.text))
    }


def compared(tokens: list[Token]) -> Iterator[Compared]:
    """Each `name == "text"`, `"text" != name`, `name in ["text", …]` and `"text" in name`."""
    for place, token in enumerate(tokens):
        operator = token.text
        if place == 0 or token.kind not in ("operator", "name"):
            continue
        if operator not in ("==", "!=", "in"):
            continue
        before, after = tokens[place - 1], tokens[place + 1 : place + 2]
        if not after:
            continue
        if before.kind == "string" and after[0].kind == "name":
            yield Compared(after[0].text, before.text, before.at)
        elif before.kind == "name" and after[0].kind == "string" and operator != "in":
            yield Compared(before.text, after[0].text, after[0].at)
        elif before.kind == "name" and operator == "in" and after[0].text == "[":
            for item in tokens[place + 2 :]:
                if item.text == "]" and item.kind == "operator":
                    break
                if item.kind == "string":
                    yield Compared(before.text, item.text, item.at)


def uses(tokens: list[Token]) -> Iterator[Use]:
    """Every place where a variable stands."""
    for place, token in enumerate(tokens):
        if token.kind != "name" or "." not in token.text:
            continue
        before = tokens[place - 1].text if place else ""
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        name = _variable(token.text)
        called = token.text[len(name) + 1 :]
        if before == "(" and place > 1 and tokens[place - 2].kind == "name":
            called = called or tokens[place - 2].text
        of_word = place > 1 and tokens[place - 2].kind == "string"
        yield Use(name, token.at, before, after, called, of_word)


def compared_with_each_other(tokens: list[Token]) -> list[tuple[str, str]]:
    """The pairs of variables on both sides of a comparison."""
    return [
        (before.text, after.text)
        for before, operator, after in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if operator.text in COMPARISONS
        and operator.kind == "operator"
        and before.kind == after.kind == "name"
        and "." in before.text
        and "." in after.text
    ]


def strings_of(tokens: list[Token]) -> list[str]:
    """Every string literal, each once."""
    return list(dict.fromkeys(token.text for token in tokens if token.kind == "string"))


def numbers_of(tokens: list[Token]) -> list[float]:
    """Every number literal, with the minus before it, each once."""
    found: list[float] = []
    for place, token in enumerate(tokens):
        if token.kind == "number":
            negative = place > 0 and tokens[place - 1].text == "-"
            found.append(-float(token.text) if negative else float(token.text))
    return list(dict.fromkeys(found))


def _variable(name: str) -> str:
    called = _METHOD.fullmatch(name)
    return called[1] if called else name
