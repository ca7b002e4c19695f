"""What a condition says of its variables, checked one by one: names, words, lists, numbers."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from streams.policy.condition_text import (
    COMPARISONS,
    ORDERINGS,
    Measured,
    Token,
    UnreadableCondition,
    Use,
    compared,
    measured,
    uses,
    variable_of,
)
from streams.policy.facts import SignalType
from streams.policy.variables import UNBOUNDED, Variable

METHODS = ("startsWith", "endsWith", "contains")
FUNCTIONS = ("size", *METHODS)
MAY_HOLD = (
    f"a condition has comparisons, in, &&, ||, !, ?:, {', '.join(FUNCTIONS[:-1])} and "
    f"{FUNCTIONS[-1]}"
)
_LITERALS = frozenset({"true", "false", "null", "in"})


def check_names(on: SignalType, variables: Mapping[str, Variable], tokens: list[Token]) -> None:
    """Raises `UnreadableCondition` for a name that is no variable, and no function."""
    for place, token in enumerate(tokens):
        if token.kind != "name" or token.text in _LITERALS:
            continue
        called = place + 1 < len(tokens) and tokens[place + 1].text == "("
        name, method = variable_of(token.text)
        if called and (function := method or token.text.rpartition(".")[2]) not in FUNCTIONS:
            raise UnreadableCondition(token.at, f"calls {function}; {MAY_HOLD}")
        if called and not method and "." not in token.text:
            continue
        if name not in variables:
            raise UnreadableCondition(token.at, _unknown(name, on, variables))
        if method and not called:
            raise UnreadableCondition(token.at, f"{name} has no part .{method}")


def check_words(variables: Mapping[str, Variable], tokens: list[Token]) -> None:
    """Raises `UnreadableCondition` for a use of which nobody could try all cases, and for a word
    that a variable never is."""
    for use in uses(tokens):
        variable = variables.get(use.name)
        if variable is not None and (problem := _misuse(variable, use)):
            raise UnreadableCondition(use.at, f"{use.name} {problem}")
    for name, word, at in compared(tokens):
        variable = variables.get(name)
        if variable is None or variable.values is None or word in variable.values:
            continue
        allowed = ", ".join(value or '""' for value in variable.values)
        raise UnreadableCondition(at, f"{name} is never {word!r}: it is one of {allowed}")


def check_numbers(on: SignalType, variables: Mapping[str, Variable], tokens: list[Token]) -> None:
    """Raises `UnreadableCondition` for a comparison with a number, anywhere in a condition, that
    comes out the same for all that the variable can be."""
    for each in measured(tokens):
        variable = variables.get(each.name)
        if variable is None or variable.kind not in ("int", "double"):
            continue
        outcome = _outcome(each, variable.least, variable.most)
        if outcome is not None:
            verb = "always holds" if outcome else "can never hold"
            raise UnreadableCondition(
                each.at, f"{_range(each.name, variable, on)}: {each.shown} {verb}"
            )


def _unknown(name: str, on: SignalType, variables: Mapping[str, Variable]) -> str:
    group, dot, _ = name.partition(".")
    if name.lower() in ("true", "false"):
        return f"write {name.lower()} for {name}"
    if not dot:
        meant = [each for each in variables if each.partition(".")[2] == name]
        meant = meant or _alike(name, (each.partition(".")[2] for each in variables), variables)
        quoted = f'; write "{name}" for the word' if not meant else ""
        return f"there is no {name}{_did_you_mean(meant)}{quoted}"
    known = [each for each in variables if each.startswith(f"{group}.")]
    meant = get_close_matches(name, known, 1)
    there = ", ".join(known or variables)
    return f"{on} has no {name}{_did_you_mean(meant)}; there are {there}"


def _alike(name: str, lasts: Iterable[str], variables: Mapping[str, Variable]) -> list[str]:
    close = get_close_matches(name, lasts, 1)
    return [each for each in variables if close and each.partition(".")[2] == close[0]]


def _did_you_mean(names: list[str]) -> str:
    return f": did you mean {' or '.join(names)}?" if names else ""


def _misuse(variable: Variable, use: Use) -> str | None:
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


def _outcome(each: Measured, least: float, most: float) -> bool | None:
    """What a comparison comes to whatever the variable is; `None` where that differs."""
    operator, number = each.operator, each.number
    if operator in ("==", "!="):
        inside = least <= number <= most
        if inside and least != most:
            return None
        return inside == (operator == "==")
    if operator in (">", ">="):
        below = least > number if operator == ">" else least >= number
        never = most <= number if operator == ">" else most < number
        return True if below else False if never else None
    above = most < number if operator == "<" else most <= number
    never = least >= number if operator == "<" else least > number
    return True if above else False if never else None


def _range(name: str, variable: Variable, on: SignalType) -> str:
    least = f"{variable.least:g}"
    if name == f"signals.{on}":
        return f"{name} is at least {least}, since the signal that is judged counts"
    if variable.most >= UNBOUNDED:
        return f"{name} is at least {least}"
    return f"{name} is from {least} to {variable.most:g}"
