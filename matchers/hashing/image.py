"""Bytes of a picture file to the perceptual hashes of what a person sees."""

import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import imagehash
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from matchers.hashing import pdq
from matchers.hashing.borders import may_have_borders, without_borders
from matchers.hashing.flatten import as_pillows_grey, flattened
from matchers.hashing.gif import gif_frames, reduced_hashes
from matchers.hashing.outcome import (
    NO_VARIANTS,
    FramePdq,
    Limits,
    Mode,
    StillHashes,
    Unreadable,
    Variant,
    VariantPdq,
    Variants,
)
from matchers.hashing.profiles import Shown, shown_otherwise
from matchers.hashing.screen import Reduced, drifts_far, reduced_jpeg, screen_thumbnail
from matchers.hashing.seed import file_seed
from matchers.hashing.signatures import ends_early, looks_like_picture

DIHEDRAL: tuple[Variant, ...] = (
    "rotate90",
    "rotate180",
    "rotate270",
    "flip_x",
    "flip_y",
    "flip_plus1",
    "flip_minus1",
)
"""As `PdqDihedral` names them."""

EXCLUDED_FORMATS = frozenset({"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG"})
"""Not opened: EPS and WMF would run another program, the others have no decoder in Pillow."""

_SEQUENCE_FORMATS = frozenset({"GIF", "WEBP", "PNG", "AVIF", "TIFF", "FLI", "DCX"})
"""Formats whose further frames or pages are shown. Those of an MPO are other versions of the
first picture, those of a PSD its layers."""

MAX_COMPOSED = 1_000_000_000
"""Pixels of all frames up to which each frame is composed and hashed at its full size: about ten
seconds' work, of the twenty that a file has."""
_GLANCE = 64
"""Side of what tells whether a frame differs, where there are more pixels."""

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}
"""EXIF 2.32, tag Orientation: what turns the stored picture upright, as a mirroring left to right
and counter-clockwise quarter turns after it."""


def picture_hashes(
    content: bytes | bytearray,
    limits: Limits,
    mode: Mode = "exact",
    variants: Variants = NO_VARIANTS,
) -> Iterator[StillHashes | FramePdq]:
    """The hashes of a picture; then, for an animation, those of its frames.

    In mode `screen` those of a JPEG may be near the exact ones, at a fraction of the work; they
    say so by `exact`.

    Frames come in order, the first included, without those of unmatchable quality and those
    whose hash is the last one's. Raises `Unreadable`, possibly after some hashes were given.
    """
    if not content:
        raise Unreadable("empty")
    if len(content) > limits.bytes:
        raise Unreadable("too_many_bytes")
    with _unreadable_for_pillows_errors(content), _opened(content, limits) as image:
        yield _first_hashes(image, content, mode, variants)
        if image.format in _SEQUENCE_FORMATS and getattr(image, "is_animated", False):
            yield from _frames(image, content, limits)


def _opened(content: bytes | bytearray, limits: Limits) -> Image.Image:
    Image.init()
    image = Image.open(
        io.BytesIO(content), formats=[f for f in Image.OPEN if f not in EXCLUDED_FORMATS]
    )
    if image.width * image.height > limits.pixels:
        raise Unreadable("too_many_pixels")
    return image


@contextmanager
def _unreadable_for_pillows_errors(content: bytes | bytearray) -> Generator[None]:
    try:
        yield
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("out_of_memory") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable("too_many_pixels") from None
    # Pillow's plugins raise nearly anything on a malformed file (struct.error, KeyError, …).
    except Exception as error:
        if "truncated" in str(error).lower() or isinstance(error, EOFError) or ends_early(content):
            raise Unreadable("truncated") from error
        if isinstance(error, Image.UnidentifiedImageError) and not looks_like_picture(content):
            raise Unreadable("unsupported") from error
        raise Unreadable("corrupt") from error


def _first_hashes(
    image: Image.Image, content: bytes | bytearray, mode: Mode, variants: Variants
) -> StillHashes:
    shown = shown_otherwise(image)
    if image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L"):
        orientation = _orientation(image)
        if mode == "screen" and shown is None:
            reduced = reduced_jpeg(content, image.height, image.width)
            if reduced is not None and not (
                variants.trimmed and may_have_borders(reduced.luma, reduced.factor)
            ):
                screened = _screened(reduced, orientation, variants)
                if screened is not None:
                    return screened
        pixels = _jpeg_pixels(image, content)
        if pixels is not None:
            return still_hashes(_turned(pixels, orientation), variants, shown)
    image.load()  # before the orientation is asked for: Pillow turns a TIFF here
    upright = _turned(np.asarray(flattened(image)), _orientation(image))
    return still_hashes(upright, variants, shown)


def _jpeg_pixels(image: Image.Image, content: bytes | bytearray) -> NDArray[np.uint8] | None:
    """The pixels that Pillow would give, from the same library in a third of the time; `None`
    where libjpeg warns, for Pillow to decide whether the file is usable."""
    colours = "GRAY" if image.mode == "L" else "RGB"
    try:
        pixels = simplejpeg.decode_jpeg(content, colorspace=colours)
    except ValueError:
        return None
    if pixels.shape[:2] != (image.height, image.width):
        return None
    return pixels[:, :, 0] if image.mode == "L" else pixels


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # metadata that cannot be parsed turns nothing; viewers show the picture
        return 1


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    mirrored, quarter_turns = _TURNS.get(orientation, (False, 0))
    if mirrored:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, quarter_turns))


def still_hashes(
    pixels: NDArray[np.uint8], variants: Variants, shown: Shown | None = None
) -> StillHashes:
    """The hashes of an upright picture, (height, width) grey or (height, width, 3) RGB; with
    `shown`, also of what it makes of the pixels."""
    luma = as_pillows_grey(pixels)
    if variants.dihedral:
        views, quality = pdq.pdq_dihedral(pixels)
        hashed, others = views.original, dihedral_variants(views, quality)
    else:
        (hashed, quality), others = pdq.pdq(pixels), ()
    if variants.trimmed and (inner := without_borders(pixels, luma)) is not None:
        within = pdq.pdq(inner)
        others = (
            VariantPdq(variant="trimmed", pdq=within.hash.hex(), quality=within.quality),
            *others,
        )
    if shown is not None and (managed := pdq.pdq(shown(pixels))).hash != hashed:
        others = (
            VariantPdq(variant="colour_managed", pdq=managed.hash.hex(), quality=managed.quality),
            *others,
        )
    grey = Image.fromarray(luma)
    return StillHashes(
        pdq=hashed.hex(),
        quality=quality,
        phash=str(imagehash.phash(grey)),
        dhash=str(imagehash.dhash(grey)),
        variants=others,
    )


def _screened(reduced: Reduced, orientation: int, variants: Variants) -> StillHashes | None:
    """`None` for a picture of which only exact hashes say anything."""
    mirrored, quarter_turns = _TURNS.get(orientation, (False, 0))
    thumbnail = screen_thumbnail(reduced, quarter_turns, mirrored)
    if drifts_far(thumbnail):
        return None
    others: tuple[VariantPdq, ...] = ()
    if variants.dihedral:
        views, quality = pdq.pdq_dihedral_of_thumbnail(thumbnail)
        hashed, others = views.original, dihedral_variants(views, quality)
    else:
        hashed, quality = pdq.pdq_of_thumbnail(thumbnail)
    grey = Image.fromarray(_turned(reduced.luma, orientation))
    return StillHashes(
        pdq=hashed.hex(),
        quality=quality,
        phash=str(imagehash.phash(grey)),
        dhash=str(imagehash.dhash(grey)),
        exact=False,
        variants=others,
    )


def dihedral_variants(views: pdq.PdqDihedral, quality: int) -> tuple[VariantPdq, ...]:
    """The turned and mirrored views of a picture; none whose hash the picture or an earlier view
    has, as those of symmetrical ones do."""
    names: dict[bytes, Variant] = {}
    for name in DIHEDRAL:
        names.setdefault(getattr(views, name), name)
    names.pop(views.original, None)
    return tuple(
        VariantPdq(variant=name, pdq=view.hex(), quality=quality) for view, name in names.items()
    )


def _frames(image: Image.Image, content: bytes | bytearray, limits: Limits) -> Iterator[FramePdq]:
    """The frames of an animation. Of one with more than `MAX_COMPOSED` pixels, by what the file
    holds and not by the time that it takes, those of a GIF near the exact ones, and of others
    those that differ at a glance."""
    if image.format == "GIF":
        parts = gif_frames(content)
        if image.width * image.height * len(parts) > MAX_COMPOSED:
            return reduced_hashes(content, parts, image.size, limits)
    count = min(int(getattr(image, "n_frames", 1)), limits.frames)
    costly = image.width * image.height * count > MAX_COMPOSED
    return _composed(image, limits, file_seed(content) if costly else None)


def _composed(image: Image.Image, limits: Limits, seed: bytes | None) -> Iterator[FramePdq]:
    """All frames, or with the `seed` of a glance those that differ at one."""
    orientation = _orientation(image)
    shown_at = 0.0
    last: bytes | None = None
    hashed: NDArray[np.int16] | None = None
    number = 0
    while True:
        if number == limits.frames:
            raise Unreadable("too_many_frames")
        try:
            image.seek(number)
        except EOFError:
            return
        if image.width * image.height > limits.pixels:
            raise Unreadable("too_many_pixels")
        image.load()
        seen = _glance(image, seed) if seed is not None else None
        if seen is None or hashed is None or np.abs(seen - hashed).mean() >= 1:
            hashed = seen
            found = pdq.pdq(_turned(np.asarray(flattened(image)), orientation))
            if found.quality >= pdq.MATCHABLE_QUALITY and found.hash != last:
                last = found.hash
                yield FramePdq(
                    frame=number,
                    quality=found.quality,
                    pdq=found.hash.hex(),
                    seconds=round(shown_at, 3),
                )
        shown_at += max(0.0, float(image.info.get("duration") or 0)) / 1000
        number += 1


def _glance(image: Image.Image, seed: bytes) -> NDArray[np.int16]:
    """Some of the picture's pixels, at places of the file's own: those of a fixed grid could be
    kept while all others change."""
    chance = np.random.default_rng(int.from_bytes(seed))
    places = chance.integers(0, image.width * image.height, _GLANCE * _GLANCE)
    pixels = np.asarray(image if image.mode in ("L", "RGB", "RGBA") else flattened(image))
    return pixels.reshape(image.width * image.height, -1)[places].astype(np.int16)
