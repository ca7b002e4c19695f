"""A pool of decoder processes: files in, hashes out, whatever the files do."""

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from msgspec import Struct

from matchers.hashing.decoder import Decoded, Decoder, DecoderNotStarted
from matchers.hashing.digests import Digests, digests
from matchers.hashing.fetch import Fetcher
from matchers.hashing.outcome import (
    NO_VARIANTS,
    HashResult,
    Limits,
    Mode,
    Unreadable,
    Variants,
)
from matchers.hashing.signatures import (
    looks_like_document,
    looks_like_picture,
    looks_like_video,
)
from matchers.hashing.wire import Task, video_available

FETCHES = 16
"""Files read from their uris at once: they wait more than they work. Also bounds the memory that
fetched files take, to this many times the limit on bytes."""


BATCH_SECONDS = 80.0
"""How long one call may decode: below the two minutes after which a worker counts as stuck."""


class MediaSource(Struct, frozen=True):
    """A file to hash: its bytes, or the uri to read them from. `claims` is what it was sent as.
    Who decodes it first follows from how it begins, and only if that says nothing from what it
    claims; what claims nothing and begins as no document does is tried, without an error.
    `provenance`: whether to read what a picture's metadata says of its making."""

    content: bytes | str
    claims: Literal["picture", "video"] | None = None
    provenance: bool = False


class PoolClosed(Exception):
    """The pool was closed before the work was done."""


class DecoderPool:
    """Hashes files in separate processes. Thread-safe; used as a context manager or closed.

    A process that its file crashes or that exceeds a limit is killed and replaced; only that
    file is affected, and it still has its digests, which are made outside the decoders.
    """

    def __init__(
        self,
        limits: Limits,
        processes: int,
        fetcher: Fetcher | None = None,
        variants: Variants = NO_VARIANTS,
        trust_anchors: Path | None = None,
    ) -> None:
        """Start `processes` decoders and wait until they are ready (the first time on a machine
        some seconds, while kernels are compiled into numba's cache). Without a `fetcher` every
        uri is refused; without PyAV, videos get their digests alone. Raises `DecoderNotStarted`."""
        self._limits = limits
        self._variants = variants
        self._trust_anchors = trust_anchors
        self._fetcher = fetcher
        self._closed = False
        self._restarts = 0
        self._with_video = video_available()
        self._lock = threading.Lock()
        self._alive: set[Decoder] = set()
        # `None` stands for a decoder to be started by who takes it.
        self._idle: queue.Queue[Decoder | None] = queue.Queue()
        # These threads start the processes and outlive them: Linux kills a decoder when the
        # thread that started it ends.
        self._thread_count = processes + (FETCHES if fetcher is not None else 0)
        self._threads = ThreadPoolExecutor(self._thread_count, thread_name_prefix="decoder-pool")
        try:
            # The first one fills numba's cache for the others.
            self._idle.put(self._threads.submit(self._started).result())
            others = [self._threads.submit(self._started) for _ in range(processes - 1)]
            for other in others:
                self._idle.put(other.result())
        except BaseException:
            self.close()
            raise

    @property
    def restarts(self) -> int:
        """Decoders that had to be replaced so far."""
        return self._restarts

    def hash_many(self, items: Sequence[MediaSource], mode: Mode = "exact") -> list[HashResult]:
        """One result for each item, in order; waits for all. Items whose turn comes later than
        `BATCH_SECONDS` are not decoded (`timeout`); they have their digests.

        Raises `SourceUnavailable` when a uri's store is away, `DecoderNotStarted` when a broken
        decoder could not be replaced, and `PoolClosed`.
        """
        futures: list[Future[HashResult]] = []
        try:
            with self._lock:  # `close` shuts the threads down only after this
                if self._closed:
                    raise PoolClosed
                ends = time.monotonic() + BATCH_SECONDS
                futures = [self._threads.submit(self._hash, item, mode, ends) for item in items]
            results = [future.result() for future in futures]
        except (CancelledError, DecoderNotStarted):
            if self._closed:
                raise PoolClosed from None
            raise
        finally:
            for future in futures:
                future.cancel()
        if self._closed:  # it may have killed a decoder at work, which looks like a crash
            raise PoolClosed
        return results

    def close(self) -> None:
        """End all processes and threads; work in hand is dropped with `PoolClosed`."""
        with self._lock:
            self._closed = True
            for decoder in self._alive:
                decoder.kill()
        # Whoever waits for a decoder takes one of these and finds the pool closed.
        for _ in range(self._thread_count):
            self._idle.put(None)
        self._threads.shutdown(wait=True, cancel_futures=True)
        for decoder in self._alive:
            decoder.discard()
        self._alive.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _started(self) -> Decoder:
        with self._lock:
            if self._closed:
                raise PoolClosed
            decoder = Decoder(self._limits, self._variants, self._trust_anchors)
            self._alive.add(decoder)
        decoder.wait_until_ready()
        return decoder

    def _hash(self, item: MediaSource, mode: Mode, ends: float) -> HashResult:
        try:
            known, content = self._read(item.content)
        except Unreadable as error:
            return HashResult(error=error.reason)
        if content is None or len(content) > self._limits.bytes:
            return HashResult(digests=known, error="too_many_bytes" if item.claims else None)
        if not content:
            return HashResult(digests=known, error="empty" if item.claims else None)
        task = self._task(content, item.claims, mode)
        if task is None:
            return HashResult(digests=known)
        if time.monotonic() > ends:
            return HashResult(digests=known, error="timeout" if item.claims else None)
        of_picture = task in ("exact", "screen")
        decoded = self._decode(content, task, item.provenance and of_picture)
        error = decoded.error
        if task == "any" and not (decoded.still or decoded.frames):
            error = None  # most of what people send is no media
        if item.claims == "picture" and not (error or decoded.still or decoded.frames):
            error = "unsupported"  # a video instead, of which no frame could be matched
        return HashResult(
            digests=known,
            still=decoded.still,
            frames=decoded.frames,
            error=error,
            provenance=decoded.provenance,
        )

    def _task(self, content: bytes, claims: str | None, mode: Mode) -> Task | None:
        if looks_like_picture(content):
            return mode
        if self._with_video and (looks_like_video(content) or claims == "video"):
            return "video"
        if claims == "picture":
            return mode
        return None if looks_like_document(content) else "any"

    def _read(self, content: bytes | str) -> tuple[Digests, bytes | None]:
        if isinstance(content, bytes):
            return digests(content), content
        if self._fetcher is None:
            raise Unreadable("refused")
        fetched = self._fetcher.fetch(content, self._limits.bytes)
        return fetched.digests, fetched.content

    def _decode(self, content: bytes, task: Task, provenance: bool) -> Decoded:
        decoder = self._idle.get()
        try:
            if decoder is None or not decoder.alive:
                decoder = self._replaced(decoder)
            return decoder.hash(content, task, provenance=provenance)
        finally:
            if decoder is not None and not decoder.alive:
                self._discard(decoder)
                decoder = None
            self._idle.put(decoder)

    def _replaced(self, dead: Decoder | None) -> Decoder:
        if dead is not None:
            self._discard(dead)
        decoder = self._started()
        with self._lock:
            self._restarts += 1
        return decoder

    def _discard(self, decoder: Decoder) -> None:
        decoder.discard()
        with self._lock:
            self._alive.discard(decoder)
