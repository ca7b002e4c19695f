"""Memory of two workers on one host that have opened the same index.

`python -m benchmarks.index_sharing FOLDER` is one such worker: it opens the index, answers, and
then says on request, a line for a line, how many megabytes it holds.
"""

import subprocess
import sys
from pathlib import Path
from typing import IO

import numpy as np
import psutil


def shared_memory(folder: Path) -> dict[str, list[float]]:
    """Proportional set sizes (a page that n processes share counts one n-th in each of them), less
    what a process holds before it opens the index: of one worker alone, and of two together."""
    alone = _Worker(folder)
    one = alone.held()
    other = _Worker(folder)
    two = alone.held() + other.held()
    alone.end()
    other.end()
    return {"one worker MB": [one], "two workers MB": [two]}


class _Worker:
    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.index_sharing", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.held()  # it has opened the index and answered

    def held(self) -> float:
        """Megabytes that it holds now."""
        print(file=self._stream(self._process.stdin), flush=True)
        answer = self._stream(self._process.stdout).readline()
        if not answer:
            raise RuntimeError("a worker ended early: its own error is on standard error")
        return float(answer)

    def end(self) -> None:
        self._stream(self._process.stdin).close()
        self._process.wait()

    @staticmethod
    def _stream(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


def _serve(folder: Path) -> None:
    from benchmarks.index_codes import make_queries
    from benchmarks.index_subjects import Seawall
    from matchers.indexes.hamming import COMPARED_BELOW, HammingIndex

    codes = np.load(folder / "codes.npy", mmap_mode="r")
    queries = make_queries(codes)
    # What the kernels take is the program's, not the index's.
    HammingIndex.build(codes[: 2 * COMPARED_BELOW]).search(queries[:1], 31)
    del codes
    subject = Seawall(folder)
    before = psutil.Process().memory_full_info().pss
    subject.open()
    subject.search(queries)
    for _ in sys.stdin:
        print((psutil.Process().memory_full_info().pss - before) / 2**20, flush=True)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
