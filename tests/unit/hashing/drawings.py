"""Synthetic pictures for the hashing tests, drawn by code."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw


def scene(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A varied RGB drawing: a gradient sky, shapes and some texture. Same seed, same scene."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    slope = rng.uniform(-1, 1, (3, 2))
    base = rng.uniform(60, 190, 3)
    waves = rng.uniform(3, 25, 3)
    channels = [
        base[k]
        + 50 * (slope[k, 0] * x + slope[k, 1] * y)
        + 25 * np.sin(waves[k] * (x + y * slope[k, 0]))
        for k in range(3)
    ]
    pixels = np.clip(np.stack(channels, -1), 0, 255).astype(np.uint8)
    picture = Image.fromarray(pixels)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(4, 14))):
        left, top = rng.uniform(-0.2, 0.9, 2) * (width, height)
        across, down = rng.uniform(0.08, 0.5, 2) * (width, height)
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        box = (left, top, left + across, top + down)
        if rng.random() < 0.5:
            draw.ellipse(box, fill=colour)
        else:
            draw.rectangle(box, fill=colour)
    return picture


def noise(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3) of uniform noise."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
