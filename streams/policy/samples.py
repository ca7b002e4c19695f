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
    compared,
    compared_with_each_other,
    numbers_of,
    strings_of,
    uses,
)
from streams.policy.variables import Value, Variable

MOST = 4096
"""Combinations that are tried; beyond them, a sample that proves nothing."""
MOST_MEMBERS = 8
"""Words of a list of which every set is tried; of more only none, each, all, and all but each."""
MOST_SIZE = 64
"""Members that a list is filled up to."""
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
    provable = not (free and len(named) > MOST_JOINED) and not any(
        _is_cut(name, each, tokens) for name, each in variables.items() if each.kind == "list"
    )
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
    partners = [variables[other] for other in _connected(name, pairs)]
    if variable.kind == "bool":
        return (False, True)
    if variable.kind == "list":
        return _lists(variable, _members(name, tokens), numbers_of(tokens))
    if variable.kind == "string":
        return _words(variable, strings_of(tokens), partners, whole=whole)
    return _numbers(variable, numbers_of(tokens), partners)


def _connected(name: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The others that a variable is compared with, and that those are compared with."""
    found = [name]
    for each in found:
        beside = (other for pair in pairs if each in pair for other in pair)
        found += [other for other in dict.fromkeys(beside) if other not in found]
    return found[1:]


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


def _lists(variable: Variable, known: list[str], sizes: list[float]) -> list[Value]:
    """With and without each word that is asked for, and with so many others that a size which the
    condition names is met, missed and exceeded."""
    most = max([1, *(int(size) + 1 for size in sizes if 0 <= size <= MOST_SIZE)])
    others = variable.values or tuple(f"{OTHER}{number}" for number in range(most))
    unnamed = [word for word in others if word not in known][:most]
    count = len(known)
    few = range(count + 1) if count <= MOST_MEMBERS else (0, 1, count - 1, count)
    chosen = [words for size in few for words in combinations(known, size)]
    return [words + tuple(unnamed[:more]) for words in chosen for more in range(len(unnamed) + 1)]


def _members(name: str, tokens: list[Token]) -> list[str]:
    """The words that a list is asked for: nothing else can be asked of one but its size."""
    return list(dict.fromkeys(each.text for each in compared(tokens) if each.name == name))


def _is_cut(name: str, variable: Variable, tokens: list[Token]) -> bool:
    """Whether not all that a list may hold is tried: of many words, or of a great size."""
    if len(_members(name, tokens)) > MOST_MEMBERS:
        return True
    sized = any(use.called == "size" for use in uses(tokens))
    return variable.values is None and sized and max(numbers_of(tokens), default=0) >= MOST_SIZE


def _numbers(variable: Variable, named: list[float], partners: Sequence[Variable]) -> list[Value]:
    whole = variable.kind == "int"
    bounds = [bound for each in (variable, *partners) for bound in (each.least, each.most)]
    ends = [*bounds, *(variable.least + step for step in range(1, 5 if partners else 2))]
    # Numbers that are compared with each other need room beside a literal or a bound: in a < b < c
    # each of the others takes one.
    reach = range(-len(partners), len(partners) + 1)
    ends += [bound + step for bound in bounds for step in reach]
    around = range(-max(1, len(partners)), max(1, len(partners)) + 1)
    near = (
        value
        for number in (*named, *ends)
        for value in (
            tuple(number + step for step in around)
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
