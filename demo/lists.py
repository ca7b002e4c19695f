"""The sample lists that the demo's worker reads, written as a platform would."""

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from demo.pictures import jpeg, landscape
from demo.writing import LISTED_WRITING
from matchers.hashing.digests import digests
from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import Limits, StillHashes
from streams.canary.probes import list_csv

HOTLINE, INDUSTRY, VICTIM, WATCHED = (
    range(1000, 1012),
    range(2000, 2008),
    (3000, 3001),
    (4000, 4001),
)
"""Seeds of the pictures on each list; ordinary pictures have other seeds."""
UNLISTED = 5000
"""Seed of a picture that belongs on a list, and is on none."""
HOTLINE_DIGESTS_ONLY = b"not a picture: stands for a video of which only digests are known\n" * 40
LISTED_SITE = "known-bad.example/"
LISTED_PAGE = "files.example.com/shared/listed-album/"

COLUMNS = ("id", "algorithm", "value", "category")
LISTS = """\
# Who made each list, who vouches for it, and what a match of each category asks for.

[[list]]
name = "sample-hotline"
file = "hotline.csv"
source_kind = "hotline"
verified_by = "Example Hotline"
roles = { known = "block" }

[[list]]
name = "sample-industry"
file = "industry.csv"
source_kind = "industry"
roles = { known = "block" }

[[list]]
name = "sample-victims"
file = "victims.csv"
source_kind = "victim"
roles = { removal-asked = "hold" }

[[list]]
name = "sample-watched"       # its category has no role: what matches is only observed
file = "watched.csv"

[[list]]
name = "sample-addresses"
file = "addresses.csv"
source_kind = "hotline"
verified_by = "Example Hotline"
roles = { known = "block" }

[[list]]
name = "sample-writing"       # written material, known by a signature of its text
file = "writing.csv"
source_kind = "hotline"
verified_by = "Example Hotline"
roles = { known = "block" }

[[list]]
name = "seawall-canary"       # what `seawall canary check` looks for
file = "canary.csv"
source_kind = "own"
roles = { canary = "block" }
"""


class Listed(NamedTuple):
    """A file whose hashes are known."""

    content: bytes
    md5: str
    sha1: str
    sha256: str
    still: StillHashes | None


def hashed(content: bytes, *, picture: bool = True) -> Listed:
    """A file with the hashes that a client or a list's maker would compute."""
    still = next(iter(picture_hashes(content, Limits()))) if picture else None
    made = digests(content)
    return Listed(
        content, made.md5, made.sha1, made.sha256, still if isinstance(still, StillHashes) else None
    )


@cache
def drawn(seed: int) -> Listed:
    """A landscape's file with its hashes."""
    return hashed(jpeg(landscape(seed)))


def write_lists(folder: Path) -> Path:
    """Write the lists' CSV files and the TOML that says what they are; returns the latter."""
    hotline = [
        row
        for seed in HOTLINE
        for row in _rows(f"hotline-{seed}", drawn(seed), ("md5", "sha1", "sha256", "pdq"))
    ]
    video = hashed(HOTLINE_DIGESTS_ONLY, picture=False)
    hotline += _rows("hotline-video", video, ("md5", "sha1", "sha256"))
    _write(folder / "hotline.csv", hotline)
    perceptual = ("pdq", "phash")
    for name, seeds, category in (
        ("industry", INDUSTRY, "known"),
        ("victims", VICTIM, "removal-asked"),
        ("watched", WATCHED, "unsorted"),
    ):
        rows = [r for s in seeds for r in _rows(f"{name}-{s}", drawn(s), perceptual, category)]
        _write(folder / f"{name}.csv", rows)
    addresses = [
        ("address-1", "url", LISTED_SITE, "known"),
        ("address-2", "url", LISTED_PAGE, "known"),
    ]
    _write(folder / "addresses.csv", addresses)
    _write(folder / "writing.csv", [("writing-1", "minhash", LISTED_WRITING, "known")])
    (folder / "canary.csv").write_text(list_csv())
    (folder / "lists.toml").write_text(LISTS)
    return folder / "lists.toml"


def _rows(
    entry: str, file: Listed, algorithms: Iterable[str], category: str = "known"
) -> list[tuple[str, str, str, str]]:
    return [
        (entry, name, getattr(file, name, None) or getattr(file.still, name), category)
        for name in algorithms
    ]


def _write(path: Path, rows: Iterable[tuple[str, str, str, str]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(rows)
