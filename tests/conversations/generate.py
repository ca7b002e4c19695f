"""Labelled conversations, generated from families of templates with a seed.

A family's `turns` are `author: wording | wording | …`; an author followed by `?` says the turn only
half of the time. The split between tuning and holding back is by family: files in `families/` are
for tuning, and held-back families, written by people who have not seen the catalogue, lie in
`held_back/`. Wording is mild throughout, and no message is a real person's.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from matchers.language.corpora import Talk, Turn
from matchers.language.state import AgeBand

FOLDER = Path(__file__).parent


class Family(Struct, frozen=True, forbid_unknown_fields=True):
    """One family: `offender` is whose score should raise the alarm."""

    family: str
    label: Literal["risk", "benign"]
    turns: tuple[str, ...]
    pattern: str = ""
    offender: str = "a"
    bands: dict[str, AgeBand] = {}


class FamilyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The families of a language."""

    language: str
    families: tuple[Family, ...]


def families(folder: str) -> Iterator[tuple[str, Family]]:
    """(language, family) of every file in `families/` or `held_back/`."""
    for path in sorted((FOLDER / folder).glob("*.json")):
        file = msgspec.json.decode(path.read_bytes(), type=FamilyFile)
        for family in file.families:
            yield file.language, family


def conversations(folder: str, seed: int, each: int) -> Iterator[Talk]:
    """`each` conversations of every family."""
    for language, family in families(folder):
        for number in range(each):
            chance = random.Random(f"{seed}/{language}/{family.family}/{number}")
            yield _conversation(language, family, number, chance)


def _conversation(language: str, family: Family, number: int, chance: random.Random) -> Talk:
    turns: list[Turn] = []
    at = 1_700_000_000_000
    for template in family.turns:
        author, _, wordings = template.partition(":")
        if author.endswith("?") and chance.random() < 0.5:
            continue
        author = author.rstrip("?").strip()
        text = chance.choice([wording.strip() for wording in wordings.split(" | ")])
        at += chance.randrange(5, 300) * 1000
        other = "b" if author == "a" else "a"
        turns.append(
            Turn(
                author,
                text,
                at,
                family.bands.get(author, "unknown"),
                other,
                family.bands.get(other, "unknown"),
            )
        )
    risk = family.label == "risk"
    return Talk(
        f"{language}/{family.family}/{number}",
        tuple(turns),
        language,
        risk,
        frozenset((family.offender,)) if risk else frozenset(),
        family.pattern,
        f"{language}/{family.family}",
    )
