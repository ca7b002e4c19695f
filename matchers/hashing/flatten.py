"""Any Pillow mode to the 8-bit grey or RGB that a person sees."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from matchers.hashing.pdq import Pixels, compiled, for_kernels

BACKGROUND = (255, 255, 255)
"""What shows through transparent parts: white, as on the page of most viewers and browsers."""

_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})


def flattened(image: Image.Image) -> Image.Image:
    """`image` in mode `L` or `RGB`; the same object when it is so already.

    Transparency is composited on `BACKGROUND`. Sixteen bits keep their upper eight. Modes `I`
    and `F`, whose range no file format fixes, are taken as 8 or 16 bits where their values fit,
    else stretched from their minimum to their maximum. Colour profiles are not applied, since
    the reference hashes do without them; only L*a*b* goes through a colour transform.
    """
    mode = image.mode
    if mode in _ALPHA_MODES or (image.has_transparency_data and not mode.startswith("I")):
        return _composited(image)
    if mode in ("L", "RGB"):
        return image
    if mode == "1":
        return image.convert("L")
    if mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if mode in ("I", "F"):
        return Image.fromarray(_to_eight_bits(np.asarray(image)))
    if mode == "LAB":
        return _lab_to_rgb(image)
    return image.convert("RGB")


def as_pillows_grey(pixels: Pixels) -> NDArray[np.uint8]:
    """(height, width) grey of (height, width) or (height, width, 3), as Pillow converts to mode
    `L`: ITU-R 601 luma in 16-bit fixed point. Without a copy in Pillow's four-byte pixels it takes
    a third of the time."""
    return pixels if pixels.ndim == 2 else _fixed_point_luma(for_kernels(pixels))


@compiled
def _fixed_point_luma(pixels: Pixels) -> NDArray[np.uint8]:
    height, width = pixels.shape[0], pixels.shape[1]
    grey = np.empty((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            red, green, blue = pixels[y, x, 0], pixels[y, x, 1], pixels[y, x, 2]
            luma = np.uint32(red) * np.uint32(19595) + np.uint32(green) * np.uint32(38470)
            luma += np.uint32(blue) * np.uint32(7471) + np.uint32(32768)
            grey[y, x] = np.uint8(luma >> np.uint32(16))
    return grey


def _composited(image: Image.Image) -> Image.Image:
    if image.mode == "La":  # Pillow converts premultiplied grey to nothing but LA
        image = image.convert("LA")
    layer = image.convert("RGBA")
    alpha = layer.getchannel("A")
    colours = layer.convert("RGB")
    if alpha.getextrema() == (255, 255):
        return colours
    page = Image.new("RGB", layer.size, BACKGROUND)
    page.paste(colours, mask=alpha)
    return page


def _to_eight_bits(values: NDArray[np.int32] | NDArray[np.float32]) -> NDArray[np.uint8]:
    real = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(real.min()), float(real.max())
    if low >= 0 and 1 < high <= 255:
        return real.astype(np.uint8)
    if low >= 0 and 255 < high <= 65_535:
        return (real / 256).astype(np.uint8)
    if high == low:
        return np.zeros(real.shape, np.uint8)
    return ((real - low) * (255 / (high - low))).astype(np.uint8)


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")  # pyright: ignore[reportUnknownArgumentType]
    return transform.apply(image)
