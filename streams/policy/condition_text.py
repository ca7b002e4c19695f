"""The tokens of a condition: which variables it compares with which literals.

Only what conditions need is read: names, plain strings, numbers, comparisons. Neither CEL engine
gives its syntax tree to Python.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_BLANK = " \t\r\n\f"
"""What CEL takes for blank; other blanks are easily pasted, and seen by nobody."""
_TOKEN = re.compile(
    rf"""[{_BLANK}]*(?:
        (?P<string>"[^"\\\n]*"|'[^'\\\n]*')
      | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?!\w))
      | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
      | (?P<operator>&&|\|\||==|!=|<=|>=|[<>!()\[\],?:-])
      | (?P<other>.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_METHOD = re.compile(r"(\w+\.\w+)\.(\w+)")


ORDERINGS = frozenset({"<", "<=", ">", ">="})
COMPARISONS = ORDERINGS | {"==", "!="}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


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


class Measured(NamedTuple):
    """A variable that is compared with a number, as if it stood left of the `operator`; `shown`
    is the whole."""

    name: str
    operator: str
    number: float
    at: int
    shown: str


def tokens_of(condition: str) -> list[Token]:
    """The tokens, in order. Raises `UnreadableCondition`."""
    found: list[Token] = []
    position = 0
    end = len(condition.rstrip(_BLANK))
    while position < end:
        match = _TOKEN.match(condition, position)
        if match is None:
            break
        kind = str(match.lastgroup)
        text, at = match[kind], match.start(kind)
        if kind == "other":
            raise UnreadableCondition(at, _stray(text, condition, at))
        found.append(Token(kind, text[1:-1] if kind == "string" else text, at))
        position = match.end()
    return found


def _stray(char: str, condition: str, at: int) -> str:
    """Why a character that begins no token cannot stand where it does, and what to write."""
    if char == "#" or condition.startswith(("//", "/*"), at):
        return "a condition has no comments: write them above the rule, after #"
    if char in _QUOTES:
        return 'a word is not closed, or has a backslash in it: write it as "word"'
    return f"{char!r} cannot stand here: {_INSTEAD.get(char, _HOLDS)}"


_QUOTES = "\"'"
_NO_ARITHMETIC = "a condition has no arithmetic"
_HOLDS = (
    "a condition has names, plain strings (without backslashes), numbers, comparisons, in, &&, "
    "||, ! and ?:"
)
_INSTEAD = {
    "=": "write == to compare, and <= or >= in this order",
    "&": "write &&",
    "|": "write ||",
    ".": "a dot stands within a name or a number only, as in signal.match and 0.5",
    "`": 'write words as "word"',
    **dict.fromkeys("+*/%", _NO_ARITHMETIC),
    **dict.fromkeys("\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb", 'write words as "word"'),
}


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
        variable_of(token.text)[0] for token in tokens if token.kind == "name" and "." in token.text
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


def measured(tokens: list[Token]) -> Iterator[Measured]:
    """Each `name < 3` and `-3.5 <= name`."""
    for place, token in enumerate(tokens):
        if token.kind != "operator" or token.text not in COMPARISONS or place == 0:
            continue
        # There is no arithmetic, so that a minus belongs to what comes after it.
        left_minus = place > 1 and _is_minus(tokens[place - 2])
        right_minus = place + 1 < len(tokens) and _is_minus(tokens[place + 1])
        left, rest = tokens[place - 1], tokens[place + 1 + right_minus : place + 2 + right_minus]
        if not rest:
            continue
        right = rest[0]
        if (left.kind, right.kind) == ("name", "number") and not left_minus:
            name, operator, number, minus = left, token.text, right, right_minus
        elif (left.kind, right.kind) == ("number", "name") and not right_minus:
            name, operator, number, minus = right, _MIRRORED[token.text], left, left_minus
        else:
            continue
        sign = "-" if minus else ""
        shown = f"{name.text} {operator} {sign}{number.text}"
        yield Measured(name.text, operator, float(sign + number.text), left.at, shown)


def uses(tokens: list[Token]) -> Iterator[Use]:
    """Every place where a variable stands."""
    for place, token in enumerate(tokens):
        if token.kind != "name" or "." not in token.text:
            continue
        before = tokens[place - 1].text if place else ""
        after = tokens[place + 1].text if place + 1 < len(tokens) else ""
        name, called = variable_of(token.text)
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
            negative = place > 0 and _is_minus(tokens[place - 1])
            found.append(-float(token.text) if negative else float(token.text))
    return list(dict.fromkeys(found))


def variable_of(name: str) -> tuple[str, str]:
    """A name without the function that is called on it, and that function, "" for none."""
    called = _METHOD.fullmatch(name)
    return (called[1], called[2]) if called else (name, "")


def _is_minus(token: Token) -> bool:
    return token.kind == "operator" and token.text == "-"
