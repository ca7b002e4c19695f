"""`make bench-hashing`: screen and exact hashing beside `pdqhash` with ImageHash, in one go.

Timed is the CPU of one process from a file's bytes to PDQ, its quality, pHash and dHash. The peer
decodes with Pillow and hashes fully decoded pixels with `pdqhash` (the reference implementation)
and ImageHash. Then the drift of both modes from the peer's hashes over `PICTURES` varied JPEGs
(200), and the matches of `EDITS` edited pictures (2000) against a list of half the originals.
Environment: `OUT=file.json` writes the results; `BUDGET` seconds for each timing (3).
"""

import os

# Before numpy: its threads would spin beside work that takes half a millisecond.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import io
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import imagehash
import numpy as np
import pdqhash
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.hashing_media import edits, still_files, varied_jpegs, video
from benchmarks.report import Result, machine, no_arguments, summarised, write
from matchers.hashing import pdq, screen
from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import Limits, Mode, StillHashes
from matchers.hashing.video import video_hashes

LIMITS = Limits()
RADIUS = 31
PEER = "pdqhash + ImageHash"
GOALS = {
    ("screen", "JPEG 12 MP"): 8.0,
    ("screen", "JPEG 1.6 MP"): 3.0,
    ("exact", "JPEG 12 MP"): 2.5,
}
"""Times faster than the peer."""


class Hashes(NamedTuple):
    pdq: int
    quality: int
    phash: int
    dhash: int


def by_peer(content: bytes) -> Hashes:
    """Pillow, pdqhash and ImageHash."""
    decoded = Image.open(io.BytesIO(content)).convert("RGB")
    bits, quality = pdqhash.compute(np.asarray(decoded))
    return Hashes(
        int.from_bytes(np.packbits(bits).tobytes()),
        quality,
        int(str(imagehash.phash(decoded)), 16),
        int(str(imagehash.dhash(decoded)), 16),
    )


def by_seawall(content: bytes, mode: Mode) -> Hashes:
    """The decoder's work, in this process."""
    found = next(picture_hashes(content, LIMITS, mode))
    assert isinstance(found, StillHashes)
    return Hashes(int(found.pdq, 16), found.quality, int(found.phash, 16), int(found.dhash, 16))


def frames_by_peer(content: bytes) -> int:
    """A frame a second with pdqhash."""
    count = 0
    with av.open(io.BytesIO(content)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        due = 0.0
        for frame in container.decode(stream):
            if frame.time >= due - 0.0005:
                due += 1.0
                pdqhash.compute(frame.to_ndarray(format="rgb24"))
                count += 1
    return count


def main() -> int:
    """Measure, print, write; 1 if exact hashes drift or the two modes' matches differ."""
    no_arguments(__doc__)
    console = Console(width=None if sys.stdout.isatty() else 140)
    pdq.warm()
    screen.warm()
    budget = float(os.environ.get("BUDGET", "3"))
    description = machine()
    results = list(_timings(console, budget))
    drift, exact_bits = _drift(console, int(os.environ.get("PICTURES", "200")))
    results += drift
    different = _matches(console, int(os.environ.get("EDITS", "2000")), results)
    if out := os.environ.get("OUT"):
        write(Path(out), results, description)
    if exact_bits or different:
        console.print(
            f"[red]exact mode: {exact_bits} bits of drift; {different} files match otherwise"
        )
        return 1
    return 0


def _timings(console: Console, budget: float) -> Iterator[Result]:
    table = Table("case", PEER + " ms", "exact ms", "screen ms", "exact ×", "screen ×", "goals")
    works: dict[str, Callable[[bytes], object]] = {
        PEER: by_peer,
        "exact": lambda content: by_seawall(content, "exact"),
        "screen": lambda content: by_seawall(content, "screen"),
    }
    for case, content in still_files():
        found = _alternated(works, content, budget)
        ratio = {name: min(found[PEER]) / min(found[name]) for name in ("exact", "screen")}
        goals = [
            f"{mode} {goal} × {'met' if ratio[mode] >= goal else 'MISSED'}"
            for (mode, of), goal in GOALS.items()
            if of == case
        ]
        table.add_row(
            case,
            *(f"{min(found[name]):.2f}" for name in works),
            *(f"{ratio[mode]:.1f}" for mode in ("exact", "screen")),
            ", ".join(goals),
        )
        for name, values in found.items():
            yield summarised("hashing", _subject(name), _case(case, name), "CPU", "ms", values)
    content = video(30)
    found = _alternated(
        {PEER: frames_by_peer, "exact": lambda c: list(video_hashes(c, LIMITS))}, content, budget
    )
    table.add_row(
        "video 30 s",
        f"{min(found[PEER]):.0f}",
        f"{min(found['exact']):.0f}",
        "",
        f"{min(found[PEER]) / min(found['exact']):.1f}",
    )
    for name, values in found.items():
        yield summarised("hashing", _subject(name), "video 30 s", "CPU", "ms", values)
    console.print(table)


def _alternated(
    works: dict[str, Callable[[bytes], object]], content: bytes, budget: float
) -> dict[str, list[float]]:
    """CPU milliseconds of each, in turns, so that a change of the machine's speed meets all."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work(content)
    until = time.monotonic() + budget
    while len(found[PEER]) < 3 or time.monotonic() < until:
        for name, work in works.items():
            start = time.process_time()
            work(content)
            found[name].append((time.process_time() - start) * 1000)
    return found


def _drift(console: Console, count: int) -> tuple[list[Result], int]:
    modes: tuple[Mode, ...] = ("exact", "screen")
    bits: dict[tuple[Mode, str], list[float]] = {
        (mode, what): [] for mode in modes for what in ("PDQ", "quality", "pHash", "dHash")
    }
    for content in varied_jpegs(count):
        peer = by_peer(content)
        for mode in modes:
            ours = by_seawall(content, mode)
            bits[mode, "PDQ"].append((peer.pdq ^ ours.pdq).bit_count())
            bits[mode, "quality"].append(abs(peer.quality - ours.quality))
            bits[mode, "pHash"].append((peer.phash ^ ours.phash).bit_count())
            bits[mode, "dHash"].append((peer.dhash ^ ours.dhash).bit_count())
    table = Table("drift", "mean", "99 %", "worst", title=f"{count} varied JPEGs")
    results: list[Result] = []
    for (mode, what), values in bits.items():
        table.add_row(
            f"{mode} {what}",
            f"{np.mean(values):.2f}",
            f"{np.percentile(values, 99):.0f}",
            f"{max(values):.0f}",
        )
        unit = "1" if what == "quality" else "bit"
        results.append(
            summarised("hashing", "seawall", f"drift {mode}", f"worst {what}", unit, [max(values)])
        )
    console.print(table)
    return results, int(sum(sum(bits["exact", what]) for what in ("PDQ", "quality")))


def _matches(console: Console, count: int, results: list[Result]) -> int:
    """Files whose matches screening and exact hashing report differently: listed are the even
    originals; the odd ones are unknown."""
    originals = -(-count // 10)
    listed = [by_seawall(edits(seed)[0], "exact").pdq for seed in range(0, originals, 2)]
    different = matched = looked_closer = 0
    for seed in range(originals):
        for content in edits(seed):
            exact = by_seawall(content, "exact")
            screened = by_seawall(content, "screen")
            could = any((screened.pdq ^ p).bit_count() <= RADIUS + screen.PDQ_DRIFT for p in listed)
            looked_closer += could
            by_screen = _within(by_seawall(content, "exact").pdq, listed) if could else set()
            by_exact = _within(exact.pdq, listed)
            matched += bool(by_exact)
            different += by_screen != by_exact
    files = originals * 10
    console.print(
        f"{files} edited pictures, {len(listed)} listed: {matched} match by exact hashes,"
        f" {different} otherwise by screening, which hashed {looked_closer} exactly"
    )
    for metric, value in (("matched", matched), ("different", different), ("exact", looked_closer)):
        results.append(summarised("hashing", "seawall", "edits", metric, "1", [value]))
    return different


def _within(found: int, listed: list[int]) -> set[int]:
    return {k for k, entry in enumerate(listed) if (found ^ entry).bit_count() <= RADIUS}


def _subject(name: str) -> str:
    return PEER if name == PEER else "seawall"


def _case(case: str, name: str) -> str:
    return case if name == PEER else f"{case}, {name}"


if __name__ == "__main__":
    sys.exit(main())
