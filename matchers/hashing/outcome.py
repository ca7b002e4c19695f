"""What hashing one file gives: hashes, or the reason why there are none."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from matchers.hashing.digests import Digests
from matchers.provenance.finding import Finding

UnreadableReason = Literal[
    "empty",
    "truncated",
    "corrupt",
    "unsupported",
    "too_many_pixels",
    "too_many_bytes",
    "too_many_frames",
    "timeout",
    "out_of_memory",
    "crashed",
    "missing",
    "refused",
    "unavailable",
]
"""Why a file has no (or not all) picture hashes. `missing`, `refused` and `unavailable` are of a
uri: the file is not there; the uri is outside the allowed prefixes, or its store denies it; its
store gives others but fails on this one. `crashed`: the
file ended the decoder process."""

Mode = Literal["exact", "screen"]
"""`exact` gives the reference's hashes bit for bit; `screen` near ones for less work."""

Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$", max_length=64)]
Hex16 = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$", max_length=16)]
Quality = Annotated[int, Meta(ge=0, le=100)]


class Unreadable(Exception):
    """A file cannot be hashed (any further) as a picture."""

    def __init__(self, reason: UnreadableReason) -> None:
        super().__init__(reason)
        self.reason: UnreadableReason = reason


class Limits(Struct, frozen=True, kw_only=True):
    """What one file may take.

    `pixels` of one frame as declared by the file; `bytes` of the file as it is decoded; `frames`
    of an animation or pages of a document, and of a video those that are sampled, whose second look
    may have as many more; `seconds` of decoding; `memory` in bytes on top of what
    an idle decoder holds (an 80-megapixel picture needs about 0.7 GB).
    """

    pixels: int = 80_000_000
    bytes: int = 64 << 20
    frames: int = 1_000
    seconds: float = 20.0
    memory: int = 1 << 30


Variant = Literal[
    "colour_managed",
    "trimmed",
    "rotate90",
    "rotate180",
    "rotate270",
    "flip_x",
    "flip_y",
    "flip_plus1",
    "flip_minus1",
]
"""Another view of a picture: with its colour profile applied; without its borders; turned
counter-clockwise; mirrored top to bottom, left to right, along its diagonal, along the other."""


class Variants(Struct, frozen=True, kw_only=True):
    """Which other views of a still picture are hashed too: the seven dihedral ones (from one DCT,
    a few bits from hashes of turned pixels), and the one without letterbox borders, if it has any.
    In mode `screen`, pictures that may have borders are hashed exactly."""

    dihedral: bool = False
    trimmed: bool = False


NO_VARIANTS = Variants()


class VariantPdq(Struct, frozen=True, kw_only=True, gc=False):
    """PDQ of another view of the picture."""

    variant: Variant
    pdq: Hex64
    quality: Quality


class StillHashes(Struct, frozen=True, kw_only=True, tag="still"):
    """Hashes of a picture, or of an animation's first frame: PDQ with its quality (0–100), and
    ImageHash's 64-bit pHash and dHash, all as hexadecimal. Not `exact`: within the drifts that
    screen.py states. `variants` differ from the picture itself, and were asked for, but for
    `colour_managed`: that is there when a profile shows another picture than the pixels are."""

    pdq: Hex64
    quality: Quality
    phash: Hex16
    dhash: Hex16
    exact: bool = True
    variants: tuple[VariantPdq, ...] = ()


STANDING_TRACKS = 1_000
"""Added to the number of a video track: what stands in it besides its sampled frames, as a video
of its own (standing.py)."""


class FramePdq(Struct, frozen=True, kw_only=True, gc=False, tag="frame"):
    """PDQ of frame number `frame` (from 0), shown `seconds` after the start, of video track
    `track` (0: the one that players show; from `STANDING_TRACKS` on, its second look)."""

    frame: Annotated[int, Meta(ge=0)]
    quality: Quality
    pdq: Hex64
    seconds: Annotated[float, Meta(ge=0)]
    track: Annotated[int, Meta(ge=0)] = 0


class HashResult(Struct, frozen=True, kw_only=True):
    """All that is known of one file. `digests` is `None` only where no bytes could be read.

    `frames` are an animation's distinct frames of matchable quality. `error` says why `still` or
    `frames` are missing or incomplete; `None` together with no `still`: the file neither claims
    nor seems to be a picture. `provenance` was asked for.
    """

    digests: Digests | None = None
    still: StillHashes | None = None
    frames: tuple[FramePdq, ...] = ()
    error: UnreadableReason | None = None
    provenance: tuple[Finding, ...] = ()
