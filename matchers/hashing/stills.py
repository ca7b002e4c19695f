"""A picture file decoded by FFmpeg, for what Pillow refuses. Needs the extra `video` (PyAV)."""

import io
from collections.abc import Iterator

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from matchers.hashing import pdq
from matchers.hashing.flatten import flattened
from matchers.hashing.image import still_hashes
from matchers.hashing.outcome import FramePdq, Limits, StillHashes, Unreadable, Variants
from matchers.hashing.video import single_threaded

_FORMATS = (
    "apng,avif,bmp_pipe,dds_pipe,gif,gif_pipe,ico,j2k_pipe,jpeg_pipe,jpegls_pipe,jpegxl_anim,"
    "jpegxl_pipe,mjpeg,pam_pipe,pbm_pipe,pcx_pipe,pgm_pipe,png_pipe,ppm_pipe,psd_pipe,qoi_pipe,"
    "sgi_pipe,sunrast_pipe,tiff_pipe,webp,webp_pipe"
)
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
"""Only formats that hold their pictures themselves; image2, svg and playlists name other files."""


def ffmpegs_hashes(
    content: bytes | bytearray, limits: Limits, variants: Variants
) -> Iterator[StillHashes | FramePdq]:
    """As `picture_hashes` in mode `exact`, of the picture that FFmpeg makes of the file. Raises
    `Unreadable`, possibly after some hashes were given."""
    last: bytes | None = None
    try:
        for number, (seconds, pixels) in enumerate(_decoded(content, limits)):
            if number == limits.frames:
                raise Unreadable("too_many_frames")
            if not number:
                yield still_hashes(pixels, variants)
            found = pdq.pdq(pixels)
            if number and found.quality >= pdq.MATCHABLE_QUALITY and found.hash != last:
                yield FramePdq(
                    frame=number,
                    quality=found.quality,
                    pdq=found.hash.hex(),
                    seconds=round(max(0.0, seconds), 3),
                )
            last = found.hash
    except MemoryError:
        raise Unreadable("out_of_memory") from None
    except (av.error.FFmpegError, ValueError) as error:  # ValueError: no pixels of that format
        raise Unreadable("corrupt") from error


def _decoded(
    content: bytes | bytearray, limits: Limits
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """When each frame is shown, and its pixels as shown."""
    with av.open(io.BytesIO(content), "r", options=_OPTIONS) as container:
        if not container.streams.video:
            raise Unreadable("unsupported")
        stream = single_threaded(container.streams.video[0], limits)
        for frame in container.decode(stream):
            if frame.width * frame.height > limits.pixels:
                raise Unreadable("too_many_pixels")
            layer = Image.fromarray(frame.to_ndarray(format="rgba").astype(np.uint8, copy=False))
            upright = np.rot90(np.asarray(flattened(layer)), round(frame.rotation / 90))
            yield frame.time or 0.0, np.ascontiguousarray(upright)
