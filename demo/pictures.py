"""Synthetic landscapes, drawn by code, and the small edits that copies go through."""

import io
from collections.abc import Callable
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

SIZE = (384, 256)


@cache
def landscape(seed: int) -> Image.Image:
    """A sky, a sun, ridges and some boxes and balls; the same picture for the same seed."""
    draw_from = np.random.default_rng(seed)
    width, height = SIZE
    picture = Image.fromarray(_sky(draw_from, width, height))
    pen = ImageDraw.Draw(picture)
    x, y = draw_from.uniform(0.1, 0.9) * width, draw_from.uniform(0.05, 0.4) * height
    radius = draw_from.uniform(12, 38)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(draw_from, 180))
    for level in np.linspace(0.35, 0.85, int(draw_from.integers(3, 6))):
        ridge = _ridge(draw_from, width, height * level)
        pen.polygon([(0, height), *ridge, (width, height)], fill=_colour(draw_from, 20))
    for _ in range(int(draw_from.integers(5, 12))):
        left, top = draw_from.uniform(0, 0.9) * width, draw_from.uniform(0.3, 0.9) * height
        across, down = draw_from.uniform(10, 70, 2)
        shape = pen.rectangle if draw_from.random() < 0.6 else pen.ellipse
        shape((left, top, left + across, top + down), fill=_colour(draw_from, 0))
    return picture


def plain(seed: int) -> Image.Image:
    """One colour all over: its perceptual hash says nothing."""
    return Image.new("RGB", SIZE, _colour(np.random.default_rng(seed), 0))


def jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    """The picture as a JPEG file."""
    return _encoded(picture, "JPEG", quality=quality)


def _re_encoded(picture: Image.Image) -> bytes:
    return jpeg(picture, quality=45)


def _as_webp(picture: Image.Image) -> bytes:
    return _encoded(picture, "WEBP", quality=70)


def _resized(picture: Image.Image) -> bytes:
    return jpeg(picture.resize((picture.width * 3 // 5, picture.height * 3 // 5)))


def _cropped(picture: Image.Image) -> bytes:
    """One pixel in a hundred off each side."""
    across, down = picture.width // 100, picture.height // 100
    return jpeg(picture.crop((across, down, picture.width - across, picture.height - down)))


def _recoloured(picture: Image.Image) -> bytes:
    warmer = ImageEnhance.Color(picture).enhance(1.3)
    return jpeg(ImageEnhance.Brightness(warmer).enhance(1.06))


EDITS: dict[str, Callable[[Image.Image], bytes]] = {
    "re-encoded": _re_encoded,
    "other format": _as_webp,
    "resized": _resized,
    "cropped": _cropped,
    "recoloured": _recoloured,
}
"""What people and platforms do to a picture on its way, each giving a file."""


def _encoded(picture: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _sky(draw_from: np.random.Generator, width: int, height: int) -> np.ndarray:
    down = np.linspace(0, 1, height)[:, None, None]
    along = np.linspace(0, 1, width)[None, :, None]
    top, bottom = draw_from.uniform(40, 230, (2, 3))
    clouds = np.sin(along * draw_from.uniform(4, 30) + down * draw_from.uniform(4, 30))
    pixels = top + (bottom - top) * down + draw_from.uniform(8, 30) * clouds
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _ridge(draw_from: np.random.Generator, width: int, level: float) -> list[tuple[float, float]]:
    steps = int(draw_from.integers(6, 24))
    heights = level + draw_from.normal(0, 16, steps + 1)
    return [(width * i / steps, float(height)) for i, height in enumerate(heights)]


def _colour(draw_from: np.random.Generator, least: int) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in draw_from.integers(least, 256, 3))
    return red, green, blue
