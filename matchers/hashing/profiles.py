"""What a colour-managed viewer makes of the pixels, where that is another picture.

Reference hashes are of the pixels as stored, and with the profiles that cameras and editors write
(sRGB, Display P3, Adobe RGB) both look alike. But a profile may as well turn a negative into the
positive that every browser then shows.
"""

import hashlib
import io
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from matchers.hashing.flatten import as_pillows_grey
from matchers.hashing.pdq import Pixels

Shown = Callable[[Pixels], Pixels]
"""Stored pixels, (height, width) grey or (height, width, 3) RGB, to shown ones of that shape."""

MAX_PROFILE = 4 << 20
"""Longest profile that is read, in bytes; those of printers take about half of it."""

_ALIKE = 0.94
"""Correlation of luma as stored and as shown, over all colours, from which a profile shows the
stored picture. Measured: sRGB, Display P3 and Adobe RGB 0.97 and more, ProPhoto 0.955, a profile
that swaps red and blue 0.915."""

_SCREEN_GAMMA = 2.2
"""What PNG's gAMA is relative to (PNG, third edition, 13.13): a file gamma of 1/2.2 is plain."""

_STRIP = 256
_REMEMBERED = 256
_plain: set[bytes] = set()


def shown_otherwise(image: Image.Image) -> Shown | None:
    """What makes the shown pixels of the stored ones; `None` without a profile, and with one that
    is plain, unreadable or not for grey or RGB. `image` need not be loaded."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and profile:
        return _by_profile(profile) if len(profile) <= MAX_PROFILE else None
    gamma = image.info.get("gamma")
    if image.format == "PNG" and isinstance(gamma, float) and "srgb" not in image.info:
        return _by_gamma(gamma)
    return None


def _by_profile(profile: bytes) -> Shown | None:
    known = hashlib.blake2b(profile, digest_size=16).digest()
    if known in _plain:
        return None
    try:
        shown = _transform(profile)
        if shown is not None and not _shows_the_stored(shown):
            return shown
    except Exception:  # viewers show a picture whose profile cannot be read without it
        shown = None
    if len(_plain) >= _REMEMBERED:
        _plain.clear()
    _plain.add(known)
    return None


def _transform(profile: bytes) -> Shown | None:
    space = profile[16:20]  # ICC.1:2022, 7.2.6: colour space of the data
    if space not in (b"GRAY", b"RGB "):
        return None
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(opened, _srgb(), "L" if space == b"GRAY" else "RGB", "RGB")
    if space == b"GRAY":
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None, :])
        table = np.asarray(_applied(transform, ramp))[0, :, 1]
        return lambda pixels: table[pixels] if pixels.ndim == 2 else pixels

    def shown(pixels: Pixels) -> Pixels:
        if pixels.ndim == 2:
            return pixels
        made = np.empty_like(pixels)
        for top in range(0, pixels.shape[0], _STRIP):  # Pillow takes four bytes for a pixel
            strip = Image.fromarray(pixels[top : top + _STRIP])
            made[top : top + _STRIP] = np.asarray(_applied(transform, strip))
        return made

    return shown


def _by_gamma(gamma: float) -> Shown | None:
    if not gamma > 0:
        return None
    exponent = 1 / (gamma * _SCREEN_GAMMA)
    table = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)

    def shown(pixels: Pixels) -> Pixels:
        return table[pixels]

    return None if _shows_the_stored(shown) else shown


def _shows_the_stored(shown: Shown) -> bool:
    """Of a profile for grey the colours come back as they are, and grey alone tells."""
    return all(_correlation(stored, shown(stored)) >= _ALIKE for stored in (_ramp(), _colours()))


def _correlation(stored: Pixels, shown: Pixels) -> float:
    before = as_pillows_grey(stored).astype(np.float64).ravel()
    after = as_pillows_grey(shown).astype(np.float64).ravel()
    if after.min() == after.max():
        return 1.0  # one colour: nothing to be seen
    return float(np.corrcoef(before, after)[0, 1])


@cache
def _ramp() -> NDArray[np.uint8]:
    return np.arange(256, dtype=np.uint8)[None, :]


@cache
def _colours() -> NDArray[np.uint8]:
    """Nine steps of each channel."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    return np.stack(np.meshgrid(steps, steps, steps), -1).reshape(27, 27, 3)


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


def _applied(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> Image.Image:
    return transform.apply(image)
