import hashlib
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.hashing.text import (
    MIN_SHINGLES,
    SAMPLE,
    SHINGLE,
    SIGNATURE_BYTES,
    minhash,
    normal_text,
    shingles,
    text_tlsh,
    tlsh_available,
)
from tests.unit.hashing.prose import prose

MASK = (1 << 64) - 1
PUBLISHED = "4f247ed19700cd78e1490c6ca70c0c0e54bb058473d38172ae694799f331d7f1"
TEXTS = st.text(max_size=300) | st.integers(0, 50).map(lambda seed: prose(seed, 60))


def mixed(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def by_definition(text: str) -> list[int]:
    """The numbers of the shingles as the module's docstring defines them, in plain Python."""
    normal = normal_text(text)
    found: list[int] = []
    for start in range(len(normal) - SHINGLE + 1):
        value = 0
        for character in normal[start : start + SHINGLE]:
            value = (value ^ ord(character)) * 0x9E3779B97F4A7C15 & MASK
        found.append(mixed(value) >> 32)
    return found


def signed(text: str) -> bytes:
    value = minhash(text)
    assert value is not None
    return value


@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_signature_and_shingles_are_as_defined(text: str) -> None:
    numbers = by_definition(text)
    different = sorted(set(numbers))
    words = [len(different), *(different + [0xFFFFFFFF] * SAMPLE)[:SAMPLE]]
    signature = b"".join(word.to_bytes(4, "little") for word in words)
    assert len(signature) == SIGNATURE_BYTES
    assert minhash(text) == (signature if len(different) >= MIN_SHINGLES else None)
    looked_up = b"".join(word.to_bytes(4, "little") for word in numbers)
    assert shingles(text) == (looked_up if 2 * len(numbers) >= MIN_SHINGLES else None)


@settings(deadline=None)
@given(text=st.text(max_size=80))
def test_normalisation_is_stable_and_leaves_words_and_single_spaces(text: str) -> None:
    normal = normal_text(text)
    assert normal_text(normal) == normal
    assert normal == " ".join(normal.split(" ")).strip(" ")
    assert all(unicodedata.category(c)[0] in "LMN" or c == " " for c in normal)


@pytest.mark.parametrize(
    "disguised",
    [
        "ONE quiet Morning, the river--rose; and we walked home along the old wall.",
        "Ｏｎｅ quiet mor\u200bning the river rose and we walked home along the old wall",
        "óne quiẻt mörning the river rose and we walked home along the old wall",
        "one\nquiet\tmorning…   the river rose and we walked\u00a0home along the old wall ",
    ],
)
def test_case_marks_width_and_punctuation_change_nothing(disguised: str) -> None:
    assert signed(disguised) == signed(
        "one quiet morning the river rose and we walked home along the old wall"
    )


@pytest.mark.parametrize("text", ["", "see you at eight", "ha" * 500, "\U0001f600" * 200, " " * 99])
def test_what_says_too_little_has_no_signature(text: str) -> None:
    assert minhash(text) is None


def test_a_lone_surrogate_is_no_obstacle() -> None:
    assert minhash("\ud800" + prose(1, 40)) is not None


def test_a_published_signature_stays_what_it_is() -> None:
    """Lists hold signatures: a change of this one is a new algorithm."""
    value = signed("One quiet morning the river rose, and we walked home along the old wall.")
    assert hashlib.sha256(value).hexdigest() == PUBLISHED


needs_tlsh = pytest.mark.skipif(not tlsh_available(), reason="py-tlsh is not installed")


@needs_tlsh
def test_tlsh_is_python_threatexchanges() -> None:
    # An example of its own tests.
    text = (
        "A minimum string length must be 256 bytes! "
        "That's so much text this means it's not super "
        "useful for finding short text!"
    )
    found = text_tlsh(text)
    assert found is not None
    assert found.hex().upper() == (
        "DFB092A1724AC2C0D3CA48452291EA04A5B75EB903A6E7577A54118FFA8148E98F9426"
    )


@needs_tlsh
@pytest.mark.parametrize("text", ["", "too short", "a" * 400])
def test_tlsh_of_too_little_is_none(text: str) -> None:
    assert text_tlsh(text) is None
