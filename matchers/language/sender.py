"""The sender model: whom one account approaches with evidence, and whether always alike.

A state covers two windows of `SENDER_WINDOW_DAYS`: the running one and the one before. Distinct
recipients are counted by linear counting (Whang, Vander-Zanden and Taylor 1990) in bitmaps, which
merge by union, so that what several input partitions saved of one sender adds up. Openings are
compared by MinHash (Broder 1997) over word pairs; no text is kept.
"""

import hashlib
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from matchers.language import weights as w
from matchers.language.conversation import Level, Part
from matchers.language.stored import Int64, read_stored

VERSION = 1
BITMAP_BITS = 1024
OPENING_BITS = 64
OPENINGS_CAP = 8
SIGNATURE = 16
"""MinHash values kept of an opening, 16 bits each."""

Bitmap = Annotated[bytes, Meta(max_length=BITMAP_BITS // 8)]

_DAY = 86_400_000
_MASK = (1 << 61) - 1
_COEFFICIENTS = tuple(
    (
        int.from_bytes(hashlib.blake2b(f"a{i}".encode(), digest_size=7).digest(), "big") | 1,
        int.from_bytes(hashlib.blake2b(f"b{i}".encode(), digest_size=7).digest(), "big"),
    )
    for i in range(SIGNATURE)
)


class Opening(Struct, frozen=True, array_like=True, gc=False):
    """A way of approaching: its MinHash signature, and a bitmap of whom it was used on."""

    signature: Annotated[bytes, Meta(min_length=2 * SIGNATURE, max_length=2 * SIGNATURE)]
    recipients: Annotated[int, Meta(ge=0)]


class Window(Struct, frozen=True, array_like=True):
    """What was seen in one window, the `number`th since the epoch. Bitmaps are big-endian."""

    number: Int64
    recipients: Bitmap = b""
    minors: Bitmap = b""
    openings: Annotated[tuple[Opening, ...], Meta(max_length=OPENINGS_CAP)] = ()


class Sender(Struct, frozen=True, array_like=True):
    """A sender's state: `now` in ms, the running window and the one before."""

    version: int
    now: Int64
    running: Window
    before: Window


class SenderScore(NamedTuple):
    """`recipients` and `minors` are estimates; `alike` is the most recipients of near-identical
    openings. `points` is the sum of `parts`."""

    level: Level
    points: float
    parts: tuple[Part, ...]
    recipients: int
    minors: int
    alike: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Sender)


def encode_sender(state: Sender) -> bytes:
    """The stored form."""
    return _encoder.encode(state)


def decode_sender(stored: bytes) -> Sender | None:
    """Read a stored state; `None` for one of another version, and for what is damaged, which are
    forgotten."""
    return read_stored(_decoder, stored, VERSION)


def opening_signature(words: Sequence[str]) -> bytes:
    """The MinHash signature of a message's folded words; empty for fewer than four words."""
    if len(words) < 4:
        return b""
    shingles = [
        int.from_bytes(hashlib.blake2b(f"{a} {b}".encode(), digest_size=7).digest(), "big")
        for a, b in itertools.pairwise(words)
    ]
    return b"".join(
        (min((a * x + b) % _MASK for x in shingles) & 0xFFFF).to_bytes(2, "big")
        for a, b in _COEFFICIENTS
    )


def similarity(one: bytes, other: bytes) -> float:
    """The estimated Jaccard similarity of two openings, 0–1."""
    if not one or not other:
        return 0.0
    same = sum(one[i : i + 2] == other[i : i + 2] for i in range(0, 2 * SIGNATURE, 2))
    return same / SIGNATURE


def approach(
    state: Sender | None, recipients: Iterable[tuple[int, bool]], signature: bytes, now_ms: int
) -> Sender:
    """The state after a message with evidence to `recipients` (hash, whether a minor)."""
    number = now_ms // (w.SENDER_WINDOW_DAYS * _DAY)
    if state is None:
        state = Sender(VERSION, now_ms, Window(number), Window(number - 1))
    running, before = state.running, state.before
    if number > running.number:
        before = running if running.number == number - 1 else Window(number - 1)
        running = Window(number)
    everyone, minors, marks = running.recipients, running.minors, 0
    for recipient, minor in recipients:
        everyone = _mark(everyone, recipient)
        if minor:
            minors = _mark(minors, recipient)
        marks |= 1 << (recipient % OPENING_BITS)
    openings = _add_opening(running.openings, signature, marks) if signature else running.openings
    running = Window(running.number, everyone, minors, openings)
    return Sender(VERSION, max(state.now, now_ms), running, before)


def merge(states: Sequence[Sender]) -> Sender | None:
    """One sender as several input partitions saw them."""
    if not states:
        return None
    merged = max(states, key=lambda state: state.running.number)
    number = merged.running.number
    windows = [window for state in states for window in (state.running, state.before)]
    return Sender(
        VERSION,
        max(state.now for state in states),
        _union(number, [window for window in windows if window.number == number]),
        _union(number - 1, [window for window in windows if window.number == number - 1]),
    )


def score_sender(state: Sender) -> SenderScore:
    """What the sender's approaches amount to, over the running window and the one before."""
    both = _union(state.running.number, [state.before, state.running])
    recipients = _count(both.recipients, BITMAP_BITS)
    minors = _count(both.minors, BITMAP_BITS)
    alike = max(
        (_count_bits(o.recipients.bit_count(), OPENING_BITS) for o in both.openings), default=0
    )
    parts: list[Part] = []
    for name, count, points, free in (
        ("recipients", recipients, w.SENDER_RECIPIENT_POINTS, 1),
        ("minors", minors, w.SENDER_MINOR_POINTS, 1),
        ("alike_openings", alike, w.SENDER_ALIKE_POINTS, 1),
    ):
        if count > free:
            parts.append(Part(name, round(points * math.log2(count / free), 4)))
    total = round(sum(part.points for part in parts), 4)
    level: Level = "none"
    if total >= w.SENDER_REVIEW:
        level = "review"
    elif total >= w.SENDER_WATCH:
        level = "watch"
    return SenderScore(level, total, tuple(parts), recipients, minors, alike)


def _mark(bitmap: bytes, value: int) -> bytes:
    marked = int.from_bytes(bitmap, "big") | 1 << (value % BITMAP_BITS)
    return marked.to_bytes(BITMAP_BITS // 8, "big").lstrip(b"\0")


def _count(bitmap: bytes, bits: int) -> int:
    return _count_bits(int.from_bytes(bitmap, "big").bit_count(), bits)


def _count_bits(marked: int, bits: int) -> int:
    """Linear counting: the number of distinct values behind so many marked bits."""
    free = max(bits - marked, 1)
    return round(bits * math.log(bits / free)) if marked else 0


def _add_opening(
    openings: tuple[Opening, ...], signature: bytes, marks: int
) -> tuple[Opening, ...]:
    for index, opening in enumerate(openings):
        if similarity(opening.signature, signature) >= w.SENDER_ALIKE_SIMILARITY:
            joined = Opening(opening.signature, opening.recipients | marks)
            return (*openings[:index], joined, *openings[index + 1 :])
    if len(openings) >= OPENINGS_CAP:
        # The oldest of those used on the fewest makes room.
        least = min(range(len(openings)), key=lambda i: (openings[i].recipients.bit_count(), i))
        openings = openings[:least] + openings[least + 1 :]
    return (*openings, Opening(signature, marks))


def _union(number: int, windows: Sequence[Window]) -> Window:
    everyone = minors = 0
    openings: tuple[Opening, ...] = ()
    for window in windows:
        everyone |= int.from_bytes(window.recipients, "big")
        minors |= int.from_bytes(window.minors, "big")
        for opening in window.openings:
            openings = _add_opening(openings, opening.signature, opening.recipients)
    size = BITMAP_BITS // 8
    return Window(
        number,
        everyone.to_bytes(size, "big").lstrip(b"\0"),
        minors.to_bytes(size, "big").lstrip(b"\0"),
        openings,
    )
