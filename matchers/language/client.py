"""The catalogue for clients: one JSON file, and a small reference reader of it.

Beside end-to-end encryption a client looks for indicators on the device and sends only their ids.
The file is made for any language with Unicode regular expressions:

- `fold`: what a character becomes before matching (` ` for whatever parts words, nothing for what
  is dropped). Characters that are not listed: NFKC and case folding, then those that are neither
  letter, mark nor digit become a space.
- `phrases`: pairs of an indicator's number and a regular expression, to be searched in the *normal
  text*: the folded words, one space before and after each.
- `indicators`: the ids by number.

The reader knows no undisguising and no cues: a client says less than the pipeline would.
"""

import re
import unicodedata
from typing import Literal

import msgspec
from msgspec import Struct

from matchers.language.folding import FOLD
from matchers.language.indicators import IndicatorMatcher, Phrase
from matchers.stream_safe import stream_safe

_LISTED = (*range(0x80), *range(0x00A0, 0x0250), *range(0x0300, 0x0460), *range(0x0610, 0x0700),
           *range(0x0900, 0x0980), *range(0x2000, 0x2070), *range(0x3131, 0x318F))  # fmt: skip
"""The characters whose folding is spelt out where the rule for the others does not give it: Latin,
marks, Greek, Cyrillic, Arabic, Devanagari, punctuation, single letters of Hangul."""


class ClientFile(Struct, frozen=True):
    """The file. `version` is the catalogue's."""

    format: Literal[1]
    version: str
    indicators: tuple[str, ...]
    phrases: tuple[tuple[int, str], ...]
    fold: dict[str, str]


def client_file(matcher: IndicatorMatcher) -> bytes:
    """The catalogue as a client's file."""
    ids = tuple(matcher.indicators)
    numbers = {identity: number for number, identity in enumerate(ids)}
    return msgspec.json.encode(
        ClientFile(
            1,
            matcher.version,
            ids,
            tuple((numbers[p.indicator.id], _source(p)) for p in matcher.phrases),
            {chr(c): FOLD[c] for c in _LISTED if FOLD[c] != _unlisted(chr(c))},
        )
    )


def _source(phrase: Phrase) -> str:
    if phrase.unless is None:
        return phrase.expression
    return f"{phrase.expression}(?!{phrase.unless.pattern})"


class ClientReader:
    """A reference reader of the file, on the standard library's `re` alone."""

    def __init__(self, data: bytes) -> None:
        """Raises `msgspec.DecodeError` for what is no such file."""
        file = msgspec.json.decode(data, type=ClientFile)
        self._ids = file.indicators
        self._phrases = [(number, re.compile(pattern)) for number, pattern in file.phrases]
        self._fold = file.fold

    def find(self, text: str) -> list[str]:
        """The ids of the indicators that the text holds, in the file's order."""
        safe = unicodedata.normalize("NFC", stream_safe(text))
        folded = "".join(self._folded(char) for char in safe)
        normal = f" {' '.join(folded.split())} "
        found = {number for number, pattern in self._phrases if pattern.search(normal)}
        return [self._ids[number] for number in sorted(found)]

    def _folded(self, char: str) -> str:
        listed = self._fold.get(char)
        if listed is not None:
            return listed
        return _unlisted(char)


def _unlisted(char: str) -> str:
    plain = unicodedata.normalize("NFKC", char).casefold()
    return "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain)
