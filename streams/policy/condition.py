"""Conditions in CEL, the Common Expression Language: checked when a policy is loaded, then run.

Two engines share the work: `cel-expr-python` (Google's, in C++) checks names and types;
`common-expression-language` (in Rust) runs conditions, ten times faster, but finds a misspelt
name only when it meets it. Both must agree on the cases that are tried at load.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache, lru_cache
from typing import NamedTuple

import cel
from cel_expr_python import cel as checker

from streams.policy.condition_text import (
    COMPARISONS,
    ORDERINGS,
    Compared,
    Token,
    UnreadableCondition,
    Use,
    compared,
    flat,
    names_of,
    tokens_of,
    uses,
)
from streams.policy.facts import SignalType
from streams.policy.samples import combinations_to_try
from streams.policy.variables import Kind, Value, Variable, variables_of

MOST_COMPARED = 200
"""Cases on which the two engines are held against each other."""

_FUNCTIONS = frozenset(
    {"_&&_", "_||_", "!_", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_?_:_", "-_",
     "size", "startsWith", "endsWith", "contains"}
)  # fmt: skip
"""What a condition may call: nothing that can fail, or takes long, whatever the values."""

_POSITION = re.compile(r"<input>:(\d+):(\d+): (.*)")


class BadCondition(ValueError):
    """A condition that cannot be used. `line` counts from 0 within the condition."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class Condition(NamedTuple):
    """A compiled condition, which holds where `program` gives true for a context of `context_of`.
    `names` are the variables that it reads, as the file writes them; `lists` where it asks for
    a list by name;
    `about_self_harm` that it holds only where self-harm was disclosed and nothing else leads."""

    text: str
    program: cel.Program
    names: tuple[str, ...]
    lists: tuple[Compared, ...]
    about_self_harm: bool


def context_of(names: Iterable[str], values: Iterable[Value]) -> cel.Context:
    """Variables for a condition's program; about a microsecond for each."""
    return cel.Context(
        {name.replace(".", "_", 1): value for name, value in zip(names, values, strict=True)}
    )


@lru_cache(maxsize=1024)
def compile_condition(text: str, on: SignalType) -> Condition:
    """Check and compile a condition on signals of a type. The same is not compiled twice: a file
    is checked before it becomes a policy.

    Raises:
        BadCondition: it does not parse, names what there is not, does not come to a bool, calls
            what it may not, or is the same whatever happens.
    """
    variables = variables_of(on)
    try:
        tokens = tokens_of(text)
    except UnreadableCondition as error:
        raise BadCondition(_at(text, error.at, str(error)), text.count("\n", 0, error.at)) from None
    used = _check_types(text, on, tokens)
    _check_words(text, variables, tokens)
    try:
        program = cel.compile(flat(text, tokens))
        functions = set(program.functions())
    except ValueError as error:
        raise BadCondition(f"does not compile: {str(error).splitlines()[0]}") from None
    if strange := sorted(functions - _FUNCTIONS):
        raise BadCondition(
            f"calls {', '.join(strange)}; a condition has comparisons, in, &&, ||, !, ?:, size, "
            "startsWith, endsWith and contains"
        )
    names = tuple(used)
    true_cases, exhaustive = _try(text, on, program, {n: variables[n] for n in names}, tokens)
    lists = tuple(
        each
        for each in compared(tokens)
        if each.name in variables and variables[each.name].names_list
    )
    about_self_harm = exhaustive and _about_self_harm(names, true_cases)
    return Condition(text, program, names, lists, about_self_harm)


def check_lists(condition: Condition, known: Collection[str]) -> None:
    """Raises `BadCondition` when a condition asks for a list that is not known."""
    for _, name, at in condition.lists:
        if name not in known:
            text = condition.text
            raise BadCondition(_at(text, at, unknown_list(name, known)), text.count("\n", 0, at))


def _check_types(text: str, on: SignalType, tokens: list[Token]) -> list[str]:
    variables = variables_of(on)
    used = names_of(tokens)
    for name in used:
        if name not in variables:
            at = next(token.at for token in tokens if token.text.startswith(name))
            group = name.partition(".")[0]
            known = [each for each in variables if each.startswith(f"{group}.")]
            raise BadCondition(
                _at(text, at, f"{on} has no {name}; there are {', '.join(known or variables)}"),
                text.count("\n", 0, at),
            )
    try:
        kind = _environment(on).compile(text).return_type()
    except RuntimeError as error:
        raise _refusal(str(error)) from None
    if kind != checker.Type.BOOL:
        raise BadCondition(f"must be true or false, not {kind.name().lower()}")
    return used


def _check_words(text: str, variables: Mapping[str, Variable], tokens: list[Token]) -> None:
    for use in uses(tokens):
        variable = variables.get(use.name)
        if variable is not None and (problem := _misuse(variable, use)):
            message = _at(text, use.at, f"{use.name} {problem}")
            raise BadCondition(message, text.count("\n", 0, use.at))
    for name, word, at in compared(tokens):
        variable = variables.get(name)
        if variable is None or variable.values is None or word in variable.values:
            continue
        allowed = ", ".join(value or '""' for value in variable.values)
        message = _at(text, at, f"{name} is never {word!r}: it is one of {allowed}")
        raise BadCondition(message, text.count("\n", 0, at))


def _misuse(variable: Variable, use: Use) -> str | None:
    """What is wrong with the words around a variable: uses of which nobody could try all cases."""
    around = {use.before, use.after}
    if variable.kind == "list":
        if around & COMPARISONS or use.after == "in" or (use.before == "in" and not use.of_word):
            return 'is a list: write "word" in it, or compare its size'
    elif variable.kind == "string":
        if around & ORDERINGS:
            return "is a word: compare it with ==, != and in"
        if use.called == "size":
            return "is a word: only lists have a size here"
    return None


def unknown_list(name: str, known: Collection[str]) -> str:
    """What to say of a list that there is not."""
    return f"there is no list {name!r}; there are {', '.join(sorted(known)) or 'none'}"


def _try(
    text: str,
    on: SignalType,
    program: cel.Program,
    variables: dict[str, Variable],
    tokens: list[Token],
) -> tuple[list[tuple[Value, ...]], bool]:
    exhaustive, cases = combinations_to_try(variables, tokens)
    check = _environment(on).compile(text)
    true_cases: list[tuple[Value, ...]] = []
    tried = 0
    for case in cases:
        try:
            answer = program.execute(context_of(variables, case))
            expected = answer
            if tried < MOST_COMPARED:
                plain = dict(zip(variables, map(_plain, case), strict=True))
                expected = check.eval(data=plain).value()
        except (RuntimeError, ValueError, TypeError) as error:
            raise BadCondition(f"cannot be run: {str(error).splitlines()[0]}") from None
        if answer is not expected:
            raise BadCondition("the two CEL engines do not agree on it: write it more simply")
        tried += 1
        if answer is True:
            true_cases.append(case)
    if exhaustive and not true_cases:
        raise BadCondition("can never hold, whatever happens")
    if exhaustive and len(true_cases) == tried:
        raise BadCondition("always holds: leave `when` out to match every signal of the type")
    return true_cases, exhaustive


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def _about_self_harm(names: tuple[str, ...], true_cases: list[tuple[Value, ...]]) -> bool:
    places = [
        place
        for place, name in enumerate(names)
        if name in ("signal.pattern", "signal.only_category")
    ]
    return all(any(case[place] == "self_harm" for place in places) for case in true_cases)


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


def _refusal(error: str) -> BadCondition:
    """The first error of the checker, whose text points into the condition."""
    found = _POSITION.search(error)
    if found is None:
        return BadCondition(error.splitlines()[0])
    line, column, message = int(found[1]), int(found[2]), found[3]
    if "(double, int)" in message or "(int, double)" in message:
        message += ": write the number like the variable's type, 3.0 or 3"
    return BadCondition(f"character {column}: {message}", line - 1)


def _at(text: str, at: int, message: str) -> str:
    return f"character {at - (text.rfind(chr(10), 0, at) + 1) + 1}: {message}"
