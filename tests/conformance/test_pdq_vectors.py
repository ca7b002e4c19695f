"""PDQ of the published example photos: the reference's hash and quality, exactly."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matchers.hashing.pdq import pdq, pdq_dihedral

VECTORS = os.environ.get("SEAWALL_VECTORS")
pytestmark = pytest.mark.skipif(not VECTORS, reason="SEAWALL_VECTORS is not set")
FOLDER = Path(VECTORS or ".") / "pdq"


def expected() -> dict[str, dict[str, str | int]]:
    return json.loads((FOLDER / "expected.json").read_text())


def test_published_hashes() -> None:
    names = expected()
    assert len(names) == 20
    for name, answer in names.items():
        with Image.open(FOLDER / name) as picture:
            found = pdq(np.asarray(picture.convert("RGB")))
        assert (found.hash.hex(), found.quality) == (answer["pdq"], answer["quality"]), name


def test_dihedral_hashes_of_the_original_match_the_turned_files() -> None:
    with Image.open(FOLDER / "dihedral/bridge-1-original.jpg") as picture:
        hashes, quality = pdq_dihedral(np.asarray(picture.convert("RGB")))
    assert quality == 100
    files = {
        "original": "1-original",
        "rotate90": "2-rotate-90",
        "rotate180": "3-rotate-180",
        "rotate270": "4-rotate-270",
        "flip_x": "5-flipx",
        "flip_y": "6-flipy",
        "flip_plus1": "7-flip-plus-1",
        "flip_minus1": "8-flip-minus-1",
    }
    answers = expected()
    for name, file in files.items():
        published = bytes.fromhex(str(answers[f"dihedral/bridge-{file}.jpg"]["pdq"]))
        ours = getattr(hashes, name)
        assert (int.from_bytes(ours) ^ int.from_bytes(published)).bit_count() <= 8, name
