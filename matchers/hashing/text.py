"""Signatures of written material: MinHash of a text's shingles, and TLSH for interchange.

MinHash in the form that keeps the least of one hash (Broder, "On the resemblance and containment
of documents", 1997, section 4): a listed text is known by a fair sample of its shingles, and the
share of the sample that another text holds is the share of the listed text that it holds. The
value that lists hold is fixed here, so that whoever makes one need not run this code:

1. The text in NFKD, case-folded, in NFKD again, without characters of canonical combining class 10
   and above (accents, Hebrew and Arabic points) and without format characters (Cf), in NFC; every
   run of characters that are no letter, mark or number becomes one space, none at the ends.
2. Its shingles of five code points c₀ … c₄, each as a number: from 0, five times
   h = (h ⊕ c) × 0x9E3779B97F4A7C15 modulo 2⁶⁴, then SplitMix64's finaliser (Steele, Lea, Flood,
   "Fast splittable pseudorandom number generators", 2014), of which the upper 32 bits count.
3. How many different numbers there are, and the 128 least of them, rising; where there are fewer,
   all of them and then 0xFFFFFFFF. Each is a little-endian word of 32 bits.
"""

import importlib.util
import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

from matchers.hashing.pdq import compiled
from matchers.stream_safe import stream_safe

SAMPLE = 128
"""Shingles kept of a text. Of a longer one, the standard error of a share c is √(c(1 − c)/128):
0.04 at most."""
SHINGLE = 5
"""Code points. Long enough that texts of one language share few by chance, short enough that a
changed word costs its own letters and four more."""
MIN_SHINGLES = 32
"""Texts with fewer (about 36 letters) say too little: everyday phrases would be near copies."""
SIGNATURE_BYTES = 4 * (1 + SAMPLE)

_GAPS = re.compile(r"[\W_]+")
_FIRST_ACCENT = 10


def minhash(text: str) -> bytes | None:
    """The signature of a text, or `None` if it has fewer than `MIN_SHINGLES` distinct shingles."""
    numbers = np.unique(_numbers(text))
    if len(numbers) < MIN_SHINGLES:
        return None
    sample = np.full(SAMPLE, 0xFFFFFFFF, "<u4")
    sample[: len(numbers)] = numbers[:SAMPLE]
    return len(numbers).to_bytes(4, "little") + sample.tobytes()


def shingles(text: str) -> bytes | None:
    """The numbers of a text's shingles in their order, as little-endian words of 32 bits: what is
    looked up among signatures. `None` if there are fewer than half of `MIN_SHINGLES`, which can
    hold no listed text."""
    numbers = _numbers(text)
    return None if 2 * len(numbers) < MIN_SHINGLES else numbers.astype("<u4").tobytes()


def _numbers(text: str) -> NDArray[np.uint32]:
    if len(text) < MIN_SHINGLES // 2 and text.isascii():  # which never grows
        return np.zeros(0, np.uint32)
    points = np.frombuffer(normal_text(text).encode("utf-32-le", "surrogatepass"), np.uint32)
    return _shingles(points) if len(points) >= SHINGLE else np.zeros(0, np.uint32)


def normal_text(text: str) -> str:
    """Step 1 of the signature."""
    if text.isascii():
        return _GAPS.sub(" ", text.lower()).strip()
    compatible = unicodedata.normalize("NFKD", stream_safe(text))
    decomposed = unicodedata.normalize("NFKD", compatible.casefold())
    spelled = unicodedata.normalize("NFC", decomposed.translate(_SPELLED))
    return " ".join(spelled.split())


def tlsh_available() -> bool:
    """Whether texts can be hashed by TLSH: py-tlsh, the extra `tlsh`, is installed."""
    return importlib.util.find_spec("tlsh") is not None


def text_tlsh(text: str) -> bytes | None:
    """The TLSH of a text as it is, in UTF-8, as python-threatexchange makes it; `None` if it is
    too short (50 bytes) or too uniform to have one. Needs the extra `tlsh`."""
    import tlsh as library  # pyright: ignore[reportMissingImports]

    spelled = str(library.hash(text.encode("utf-8", "replace")))  # pyright: ignore
    return None if spelled in ("", "TNULL") else bytes.fromhex(spelled.removeprefix("T1"))


class _Spelling(dict[int, str | int | None]):
    """For `str.translate`: what normalisation makes of a character, learnt as they are met."""

    def __missing__(self, point: int) -> str | int | None:
        character = chr(point)
        category = unicodedata.category(character)
        made: str | int | None = " "
        if category == "Cf" or unicodedata.combining(character) >= _FIRST_ACCENT:
            made = None
        elif category[0] in "LMN":
            made = point
        if len(self) < 1 << 16:
            self[point] = made
        return made


_SPELLED = _Spelling()


@compiled
def _shingles(points: NDArray[np.uint32]) -> NDArray[np.uint32]:
    factor = np.uint64(0x9E3779B97F4A7C15)
    found = np.empty(points.shape[0] - SHINGLE + 1, np.uint32)
    for place in range(found.shape[0]):
        mixed = np.uint64(0)
        for at in range(SHINGLE):
            mixed = (mixed ^ np.uint64(points[place + at])) * factor
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found[place] = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(32)
    return found
