"""One decoder process, as the pool sees it: start, hash, kill."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from matchers.hashing.outcome import (
    FramePdq,
    Limits,
    StillHashes,
    UnreadableReason,
    Variants,
)
from matchers.hashing.wire import (
    PROVENANCE_BIT,
    REPLY_HEADER,
    REPLY_LIMIT,
    REQUEST_HEADER,
    TASKS,
    Done,
    Reply,
    Task,
    decoder,
)
from matchers.provenance.finding import MAX_FINDINGS, Finding

START_SECONDS = 180.0
"""Time to start, of which compiling the kernels on a slow machine takes the most."""

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    " from matchers.hashing.decoder_process import main;"
    " main(int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])"
)
_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_KEPT_PREFIXES = ("NUMBA_", "PYTHON", "XDG_")


class DecoderNotStarted(Exception):
    """A decoder process did not come up; its own error is on standard error."""


class Decoded(msgspec.Struct, frozen=True):
    """What came back for one file; `error` as in `HashResult`."""

    still: StillHashes | None
    frames: tuple[FramePdq, ...]
    error: UnreadableReason | None
    provenance: tuple[Finding, ...] = ()


class Decoder:
    """A process that hashes one file at a time. Not thread-safe.

    It is a new interpreter rather than a fork of a threaded one, gets no secrets by its
    environment, and is killed by Linux when the thread that made it ends.
    """

    def __init__(
        self, limits: Limits, variants: Variants, trust_anchors: Path | None = None
    ) -> None:
        """Start the process; `wait_until_ready` before `hash`. `trust_anchors` are for signed
        provenance, as `ProvenanceReader` takes them."""
        self._limits = limits
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, fixed code
                [
                    sys.executable,
                    "-c",
                    _BOOT,
                    json.dumps(sys.path),
                    str(theirs.fileno()),
                    str(os.getpid()),
                    msgspec.json.encode(limits).decode(),
                    msgspec.json.encode(variants).decode(),
                    str(trust_anchors or ""),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )

    def wait_until_ready(self) -> None:
        """Raises `DecoderNotStarted`."""
        try:
            message = self._receive(time.monotonic() + START_SECONDS)
        except (OSError, msgspec.DecodeError, EOFError) as error:
            self.discard()
            raise DecoderNotStarted(
                f"a decoder process did not start ({type(error).__name__},"
                f" exit status {self._process.returncode}): see standard error"
            ) from error
        if message != Done():
            self.discard()
            raise DecoderNotStarted("a decoder process answered out of turn")

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def hash(self, content: bytes, task: Task, *, provenance: bool = False) -> Decoded:
        """Hash one file, and read its `provenance` if asked. Afterwards the decoder is not `alive`
        if the file broke it."""
        deadline = time.monotonic() + self._limits.seconds
        still: StillHashes | None = None
        frames: list[FramePdq] = []
        findings: list[Finding] = []
        request = TASKS.index(task) | (PROVENANCE_BIT if provenance else 0)
        try:
            self._socket.settimeout(self._limits.seconds)
            self._socket.sendall(REQUEST_HEADER.pack(request, len(content)))
            self._socket.sendall(content)
            while True:
                message = self._receive(deadline)
                if isinstance(message, Done):
                    return Decoded(still, tuple(frames), message.error, tuple(findings))
                if isinstance(message, StillHashes):
                    still = message
                elif isinstance(message, Finding):
                    findings.append(message)
                else:
                    frames.append(message)
                # Videos may have a second look at each sampled frame's surroundings.
                if len(frames) > 2 * self._limits.frames or len(findings) > MAX_FINDINGS:
                    raise EOFError("more than it may send")
        except TimeoutError:
            error: UnreadableReason = "timeout"
        except (OSError, EOFError, msgspec.DecodeError):
            error = "crashed"
        self.discard()
        return Decoded(still, tuple(frames), error, tuple(findings))

    def kill(self) -> None:
        """End the process now, from whatever thread; a `hash` under way comes to its end."""
        self._process.kill()
        self._process.wait()

    def discard(self) -> None:
        """End the process and give back the socket. May be called again."""
        self.kill()
        self._socket.close()

    def _receive(self, deadline: float) -> Reply:
        (length,) = REPLY_HEADER.unpack(self._receive_bytes(REPLY_HEADER.size, deadline))
        if length > REPLY_LIMIT:
            raise EOFError("a reply longer than any")
        return decoder.decode(self._receive_bytes(length, deadline))

    def _receive_bytes(self, length: int, deadline: float) -> bytes:
        received = b""
        while len(received) < length:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            piece = self._socket.recv(length - len(received))
            if not piece:
                raise EOFError("the process closed its socket")
            received += piece
        return received


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT_ENVIRONMENT or name.startswith(_KEPT_PREFIXES)
    }
    # One picture, one thread: the pool has as many processes as it may use processors.
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
