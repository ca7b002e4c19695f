"""Synthetic pictures, files and videos of the hashing benchmark, made from seeds."""

import io
from typing import Any, NamedTuple

import av
import numpy as np
from PIL import Image, ImageDraw


class File(NamedTuple):
    """An encoded file; `case` names it in the results."""

    case: str
    content: bytes


def picture(seed: int, width: int, height: int) -> Image.Image:
    """A gradient with shapes and texture of a random grain, so that detail varies as it does in
    photos."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    slopes = rng.uniform(-60, 60, (3, 2))
    base = rng.uniform(60, 190, 3)
    colours = np.stack([base[k] + slopes[k, 0] * x + slopes[k, 1] * y for k in range(3)], axis=-1)
    drawn = Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(drawn)
    for _ in range(int(rng.integers(6, 30))):
        left, top = rng.uniform(-0.1, 0.95, 2) * (width, height)
        across, down = rng.uniform(0.03, 0.4, 2) * (width, height)
        fill = tuple(int(v) for v in rng.integers(0, 256, 3))
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((left, top, left + across, top + down), fill=fill)
    grain = int(rng.integers(1, 40))
    small = rng.integers(0, 256, (height // grain + 1, width // grain + 1), dtype=np.uint8)
    texture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    strength = rng.uniform(0.05, 0.3)
    pixels = np.asarray(drawn, np.float32)
    pixels = pixels + strength * (np.asarray(texture, np.float32)[:, :, None] - 128)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def encoded(drawn: Image.Image, container: str, **options: Any) -> bytes:
    """The picture as a file of that format."""
    target = io.BytesIO()
    drawn.save(target, container, **options)
    return target.getvalue()


def still_files() -> list[File]:
    """The files whose hashing is timed."""
    large, middle, small = picture(1, 4000, 3000), picture(2, 1460, 1095), picture(3, 816, 612)
    return [
        File("JPEG 0.5 MP", encoded(small, "JPEG", quality=85)),
        File("JPEG 1.6 MP", encoded(middle, "JPEG", quality=85)),
        File("JPEG 12 MP", encoded(large, "JPEG", quality=85)),
        File("PNG 1.6 MP", encoded(middle, "PNG")),
        File("WebP 1.6 MP", encoded(middle, "WEBP", quality=80)),
    ]


def varied_jpegs(count: int) -> list[bytes]:
    """JPEGs of 0.2 to 12 megapixels, all samplings and qualities 30 to 96, some progressive."""
    files: list[bytes] = []
    for seed in range(count):
        rng = np.random.default_rng(1000 + seed)
        scale = 1.8 if seed % 20 == 0 else 1.0
        width, height = (int(v * scale) for v in rng.integers(450, 2200, 2))
        files.append(
            encoded(
                picture(1000 + seed, width, height),
                "JPEG",
                quality=int(rng.integers(30, 97)),
                subsampling=int(rng.integers(0, 3)),
                progressive=seed % 3 == 0,
            )
        )
    return files


def edits(seed: int) -> list[bytes]:
    """Ten edits of one picture: re-encoded, resized, cropped, recoloured, overlaid."""
    original = picture(5000 + seed, 900, 700)
    width, height = original.size
    overlaid = original.copy()
    ImageDraw.Draw(overlaid).rectangle((0, height * 0.92, width, height), fill=(240, 240, 240))
    bright = original.point([min(255, v + 25) for v in range(256)] * 3)
    contrast = original.point(
        [max(0, min(255, int((v - 128) * 1.3 + 128))) for v in range(256)] * 3
    )
    return [
        encoded(original, "JPEG", quality=90),
        encoded(original, "JPEG", quality=35),
        encoded(original.resize((600, 466)), "JPEG", quality=80),
        encoded(original.resize((1400, 1090)), "JPEG", quality=80),
        encoded(original.crop((18, 14, width - 18, height - 14)), "JPEG", quality=80),
        encoded(original.crop((60, 50, width - 60, height - 50)), "JPEG", quality=80),
        encoded(original.convert("L"), "JPEG", quality=80),
        encoded(overlaid, "JPEG", quality=80),
        encoded(bright, "JPEG", quality=80),
        encoded(contrast, "JPEG", quality=80),
    ]


def video(seconds: int) -> bytes:
    """H.264, 640 × 480, 30 frames a second, a moving crop of a new picture every three seconds."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=30, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(seconds * 30):
            if number % 90 == 0:
                shown = picture(9000 + number, 800, 600)
            left = number % 90
            crop = shown.crop((left, left, left + 640, left + 480 if left < 120 else 600))
            output.mux(stream.encode(av.VideoFrame.from_image(crop)))
        output.mux(stream.encode())
    return target.getvalue()
