"""Conditions in CEL, the Common Expression Language: checked when a policy is loaded, then run.

Two engines share the work: `cel-expr-python` (Google's, in C++) checks names and types;
`common-expression-language` (in Rust) runs conditions, ten times faster, but finds a misspelt
name only when it meets it. Both must agree on the cases that are tried at load.
"""

from collections.abc import Collection, Iterable
from functools import cache, lru_cache
from typing import NamedTuple

import cel
from cel_expr_python import cel as checker

from streams.policy.condition_checks import (
    MAY_HOLD,
    check_names,
    check_numbers,
    check_words,
)
from streams.policy.condition_errors import in_own_words
from streams.policy.condition_syntax import check_syntax
from streams.policy.condition_text import (
    Compared,
    Token,
    UnreadableCondition,
    compared,
    flat,
    names_of,
    tokens_of,
)
from streams.policy.facts import SignalType
from streams.policy.samples import combinations_to_try
from streams.policy.variables import Kind, Value, Variable, variables_of

MOST_COMPARED = 200
"""Cases on which the two engines are held against each other."""
LEAST_COMPARED = 20
COMPARED_EFFORT = 4_000
"""Cases times tokens: of a long condition fewer cases are compared."""
TOKEN_EFFORT = 4
"""What a token costs to compile, measured in values that are set for a case."""
REMEMBERED = 1024
"""Conditions that are not compiled again: more than a file may hold rules."""

_FUNCTIONS = frozenset(
    {"_&&_", "_||_", "!_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_?_:_", "-_",
     "size", "startsWith", "endsWith", "contains"}
)  # fmt: skip
"""What a condition may call: nothing that can fail, or takes long, whatever the values."""


class BadCondition(ValueError):
    """A condition that cannot be used. `line` counts from 0 within the condition, `column` from 1
    within the line; 0 where it is about the whole."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(f"character {column}: {message}" if column else message)
        self.line = line
        self.column = column


class Condition(NamedTuple):
    """A compiled condition, which holds where `program` gives true for a context of `context_of`.
    `names` are the variables that it reads, as the file writes them; `lists` where it asks for
    a list by name;
    `about_self_harm` that it holds only where self-harm was disclosed and nothing else leads.
    `effort` is what checking it took: cases tried times variables, and its length; about 4 µs
    each."""

    text: str
    program: cel.Program
    names: tuple[str, ...]
    lists: tuple[Compared, ...]
    about_self_harm: bool
    effort: int


def context_of(names: Iterable[str], values: Iterable[Value]) -> cel.Context:
    """Variables for a condition's program; about a microsecond for each."""
    return cel.Context(
        {name.replace(".", "_", 1): value for name, value in zip(names, values, strict=True)}
    )


@lru_cache(maxsize=REMEMBERED)
def compile_condition(text: str, on: SignalType) -> Condition:
    """Check and compile a condition on signals of a type. The same is not compiled twice: a file
    is checked before it becomes a policy.

    Raises:
        BadCondition: it does not parse, names what there is not, does not come to a bool, calls
            what it may not, compares what is always or never so, or is the same whatever happens.
    """
    variables = variables_of(on)
    try:
        tokens = tokens_of(text)
        check_syntax(tokens, len(text.rstrip()))
        check_names(on, variables, tokens)
        checked = _checked(text, on)
        check_words(variables, tokens)
        check_numbers(on, variables, tokens)
    except UnreadableCondition as error:
        raise _placed(text, error.at, str(error)) from None
    try:
        program = cel.compile(flat(text, tokens))
        functions = set(program.functions())
    except ValueError as error:
        raise BadCondition(f"does not compile: {str(error).splitlines()[0]}") from None
    if strange := sorted(functions - _FUNCTIONS):
        raise BadCondition(f"calls {', '.join(strange)}; {MAY_HOLD}")
    used = {name: variables[name] for name in names_of(tokens)}
    about_self_harm, tried = _try(program, checked, used, tokens)
    lists = tuple(
        each
        for each in compared(tokens)
        if each.name in variables and variables[each.name].names_list
    )
    effort = tried * max(1, len(used)) + TOKEN_EFFORT * len(tokens)
    return Condition(text, program, tuple(used), lists, about_self_harm, effort)


def check_lists(condition: Condition, known: Collection[str]) -> None:
    """Raises `BadCondition` when a condition asks for a list that is not known."""
    for _, name, at in condition.lists:
        if name not in known:
            raise _placed(condition.text, at, unknown_list(name, known))


def unknown_list(name: str, known: Collection[str]) -> str:
    """What to say of a list that there is not."""
    return f"there is no list {name!r}; there are {', '.join(sorted(known)) or 'none'}"


def _checked(text: str, on: SignalType) -> checker.Expression:
    """Raises `BadCondition`."""
    try:
        checked = _environment(on).compile(text)
    except RuntimeError as error:
        message, line, column = in_own_words(str(error))
        raise BadCondition(message, line, column) from None
    kind = checked.return_type()
    if kind != checker.Type.BOOL:
        raise BadCondition(f"must be true or false, not {kind.name().lower()}")
    return checked


def _try(
    program: cel.Program,
    checked: checker.Expression,
    variables: dict[str, Variable],
    tokens: list[Token],
) -> tuple[bool, int]:
    """Whether the condition is about self-harm alone, and how many cases were tried. It is over
    as soon as no further case can say anything new."""
    exhaustive, cases = combinations_to_try(variables, tokens)
    harm = [
        place
        for place, name in enumerate(variables)
        if name in ("signal.pattern", "signal.only_category")
    ]
    to_compare = max(LEAST_COMPARED, min(MOST_COMPARED, COMPARED_EFFORT // len(tokens)))
    tried = 0
    held = failed = held_without_harm = False
    for case in cases:
        compare = tried < to_compare
        if not compare and (not exhaustive or (failed and held_without_harm)):
            break
        try:
            answer = program.execute(context_of(variables, case))
            expected = answer
            if compare:
                plain = dict(zip(variables, map(_plain, case), strict=True))
                expected = checked.eval(data=plain).value()
        except (RuntimeError, ValueError, TypeError) as error:
            raise BadCondition(f"cannot be run: {str(error).splitlines()[0]}") from None
        if answer is not expected:
            raise BadCondition("the two CEL engines do not agree on it: write it more simply")
        tried += 1
        if answer is True:
            held = True
            held_without_harm |= not any(case[place] == "self_harm" for place in harm)
        else:
            failed = True
    if exhaustive and not held:
        raise BadCondition("can never hold, whatever happens")
    if exhaustive and not failed:
        raise BadCondition("always holds: leave `when` out to match every signal of the type")
    return exhaustive and not held_without_harm, tried


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


@cache
def _environment(on: SignalType) -> checker.Env:
    return checker.NewEnv(
        variables={name: _TYPES[each.kind] for name, each in variables_of(on).items()}
    )


_TYPES: dict[Kind, checker.Type] = {
    "bool": checker.Type.BOOL,
    "int": checker.Type.INT,
    "double": checker.Type.DOUBLE,
    "string": checker.Type.STRING,
    "list": checker.Type.List(checker.Type.STRING),
}


def _placed(text: str, at: int, message: str) -> BadCondition:
    start = text.rfind("\n", 0, at) + 1
    return BadCondition(message, text.count("\n", 0, at), at - start + 1)
