"""The decoder process: reads files from its socket, answers with hashes, ends with its parent."""

import ctypes
import importlib
import io
import os
import resource
import signal
import socket
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec
from PIL import AvifImagePlugin, Image

from matchers.hashing import borders, pdq, screen
from matchers.hashing.image import picture_hashes
from matchers.hashing.outcome import Limits, Unreadable, Variants
from matchers.hashing.ways import file_hashes
from matchers.hashing.wire import (
    PROVENANCE_BIT,
    REPLY_HEADER,
    REQUEST_HEADER,
    TASKS,
    Done,
    Reply,
    Task,
    encoder,
    video_available,
)
from matchers.provenance.reading import ProvenanceReader

_PR_SET_PDEATHSIG = 1


def main(
    descriptor: int, parent: int, limits_json: str, variants_json: str, trust_anchors: str
) -> None:
    """Serve requests on the socket `descriptor` until it closes. `parent` is the pool's pid,
    `trust_anchors` a file or empty."""
    _die_with(parent)
    # A terminal's Ctrl-C and a supervisor's SIGTERM reach the whole group; the pool decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    limits = msgspec.json.decode(limits_json, type=Limits)
    variants = msgspec.json.decode(variants_json, type=Variants)
    with socket.socket(fileno=descriptor) as connection:
        requests, replies = connection.makefile("rb"), connection.makefile("wb")
        _warm(limits, variants)
        _confine(limits)
        _send(replies, Done())
        replies.flush()
        _silence()
        while request := _next_request(requests):
            _answer(request, limits, variants, trust_anchors, replies)


def _die_with(parent: int) -> None:
    """Linux: be killed when the thread that started this process ends (prctl(2)). Elsewhere the
    closed socket ends an idle decoder, and its pool's time limit a busy one."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the pool ended before its decoder started")


def _warm(limits: Limits, variants: Variants) -> None:
    """Do once, before memory is limited, what the first file would else wait for."""
    pdq.warm()
    screen.warm()
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    # Pictures inside pictures (ICO, ICNS) are checked by Pillow alone.
    Image.MAX_IMAGE_PIXELS = limits.pixels
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    if video_available():
        importlib.import_module("matchers.hashing.video")
        importlib.import_module("matchers.hashing.stills")
    for _ in picture_hashes(_tiny_picture(), limits, variants=variants):
        pass
    if variants.trimmed:
        borders.warm()


def _tiny_picture() -> bytes:
    return b"P6 8 8 255\n" + bytes(range(192))


def _confine(limits: Limits) -> None:
    """Limit memory to what is held now and `limits.memory`; no core dumps and no files, both of
    which would keep content."""
    status = Path("/proc/self/statm")
    if status.exists():
        held = int(status.read_text().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, held + limits.memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)


def _limit(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _silence() -> None:
    """C libraries print warnings that quote the file; errors before this point are wanted."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stderr.fileno())
    os.close(nothing)


class _Request(NamedTuple):
    task: Task
    provenance: bool
    content: bytearray


def _next_request(requests: io.BufferedReader) -> _Request | None:
    header = requests.read(REQUEST_HEADER.size)
    if len(header) < REQUEST_HEADER.size:
        return None
    task, length = cast(tuple[int, int], REQUEST_HEADER.unpack(header))
    content = bytearray(length)
    filled = 0
    view = memoryview(content)
    while filled < len(content):
        count = requests.readinto(view[filled:])
        if not count:
            return None
        filled += count
    view.release()
    return _Request(TASKS[task & ~PROVENANCE_BIT], bool(task & PROVENANCE_BIT), content)


def _answer(
    request: _Request,
    limits: Limits,
    variants: Variants,
    trust_anchors: str,
    replies: BinaryIO,
) -> None:
    done = Done()
    try:
        for found in file_hashes(request.task, request.content, limits, variants):
            _send(replies, found)
            replies.flush()  # kept, should a later frame break this process
    except Unreadable as error:
        done = Done(error.reason)
    except MemoryError:
        done = Done("out_of_memory")
    # Last: what a file says of itself must not cost its hashes.
    if request.provenance and len(request.content) <= limits.bytes:
        for finding in _provenance(trust_anchors).read(request.content):
            _send(replies, finding)
    _send(replies, done)
    replies.flush()


@cache
def _provenance(trust_anchors: str) -> ProvenanceReader:
    """Made when first asked for: where no basis permits it, it never is."""
    return ProvenanceReader(Path(trust_anchors) if trust_anchors else None)


def _send(replies: BinaryIO, message: Reply) -> None:
    value = encoder.encode(message)
    replies.write(REPLY_HEADER.pack(len(value)) + value)
