"""Values for a condition's variables that tell whether it is ever true, and ever false.

A condition only compares variables with literals and with each other, and looks for literals in
words. So a number need be tried only at, just below and just above each literal and each bound; a
word only as each literal and as two that are none of them; a word that is looked into also as
what these make when they are joined. The product of these holds every case that the condition can
tell apart.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations, product

from streams.policy.condition_text import (
    Token,
    called_on,
    compared_with_each_other,
    numbers_of,
    strings_of,
)
from streams.policy.variables import Value, Variable

MOST = 4096
"""Combinations that are tried; beyond them, a sample that proves nothing."""
MOST_MEMBERS = 5
MOST_SIZE = 64
MOST_JOINED = 3
"""Literals of which all that can be joined from three at a time is tried."""
OTHER = "~other~"
"""A word that no condition names."""


def combinations_to_try(
    variables: Mapping[str, Variable], tokens: list[Token]
) -> tuple[bool, Iterator[tuple[Value, ...]]]:
    """Whether all cases are there, and the cases: values in the order of `variables`."""
    named = strings_of(tokens)
    looked_into = {
        name for name in called_on(tokens) if name in variables and variables[name].kind == "string"
    }
    pairs = [
        pair for pair in compared_with_each_other(tokens) if all(name in variables for name in pair)
    ]
    domains = [
        _values(name, variables, tokens, pairs, whole=name in looked_into) for name in variables
    ]
    free = any(variables[name].values is None for name in looked_into)
    provable = not (free and len(named) > MOST_JOINED)
    if provable and math.prod(map(len, domains)) <= MOST:
        return True, product(*domains)
    # Seeded by the condition, so that the same file is judged alike everywhere.
    chance = random.Random(" ".join(token.text for token in tokens))  # noqa: S311
    return False, (tuple(chance.choice(domain) for domain in domains) for _ in range(MOST))


def _values(
    name: str,
    variables: Mapping[str, Variable],
    tokens: list[Token],
    pairs: Sequence[tuple[str, str]],
    *,
    whole: bool,
) -> Sequence[Value]:
    """The values of one variable that the condition may tell apart."""
    variable = variables[name]
    partners = [
        variables[other] for pair in pairs if name in pair for other in pair if other != name
    ]
    if variable.kind == "bool":
        return (False, True)
    if variable.kind == "list":
        return _lists(variable, strings_of(tokens), numbers_of(tokens))
    if variable.kind == "string":
        return _words(variable, strings_of(tokens), partners, whole=whole)
    return _numbers(variable, numbers_of(tokens), partners)


def _words(
    variable: Variable, named: list[str], partners: Sequence[Variable], *, whole: bool
) -> list[Value]:
    if variable.values is None:
        also = chain.from_iterable(partner.values or () for partner in partners)
        words = _joined(named) if whole else named
        return [*dict.fromkeys((*words, "", OTHER, OTHER[:-1], *also))]
    if whole or partners:
        return list(variable.values)
    known = [word for word in variable.values if word in named]
    unnamed = [word for word in variable.values if word not in named]
    return [*known, *unnamed[:2]]


def _joined(named: list[str]) -> list[str]:
    parts = [*named[:MOST_JOINED], OTHER]
    return [*named, *("".join(some) for size in (2, 3) for some in product(parts, repeat=size))]


def _lists(variable: Variable, named: list[str], sizes: list[float]) -> list[Value]:
    """With and without each word that is named, and with so many others that a size which the
    condition names is met, missed and exceeded."""
    known = [word for word in named if variable.values is None or word in variable.values]
    most = max([1, *(int(size) + 1 for size in sizes if 0 <= size <= MOST_SIZE)])
    others = variable.values or tuple(f"{OTHER}{number}" for number in range(most))
    unnamed = [word for word in others if word not in named][:most]
    chosen = [
        words
        for size in range(min(len(known), MOST_MEMBERS) + 1)
        for words in combinations(known, size)
    ]
    return [words + tuple(unnamed[:more]) for words in chosen for more in range(len(unnamed) + 1)]


def _numbers(variable: Variable, named: list[float], partners: Sequence[Variable]) -> list[Value]:
    whole = variable.kind == "int"
    ends = [bound for each in (variable, *partners) for bound in (each.least, each.most)]
    # Numbers that are compared with each other need room between their bounds.
    ends += [variable.least + step for step in range(1, 5 if partners else 2)]
    near = (
        value
        for number in (*named, *ends)
        for value in (
            (number - 1, number, number + 1)
            if whole and number in named
            else (
                (number,)
                if whole
                else (math.nextafter(number, -math.inf), number, math.nextafter(number, math.inf))
            )
        )
    )
    inside = sorted({value for value in near if variable.least <= value <= variable.most})
    return [int(value) for value in inside] if whole else [float(value) for value in inside]
