"""What the first bytes of a file say of its format, and whether its end is missing."""

_ISO_PICTURE_BRANDS = frozenset(
    {b"avif", b"avis", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}
)
_LEADING = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\x00",  # TIFF
    b"MM\x00*",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n",  # JPEG 2000
    b"\xff\x4f\xff\x51",
    b"8BPS",  # PSD
    b"qoif",
)
_DOCUMENTS = (
    b"%PDF-",
    b"PK\x03\x04",  # ZIP: office documents, apps
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",  # Office before 2007
    b"\x1f\x8b\x08",  # gzip
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x7fELF",
    b"MZ",
    b"\xff\xfe",  # UTF-16
    b"\xfe\xff",
)
_TEXT_HEAD = 512
_CONTROLS = frozenset(range(0x20)) - frozenset(b"\t\n\f\r\x1b")
"""What text of whatever single-byte encoding or UTF-8 does not hold."""


def looks_like_picture(content: bytes | bytearray) -> bool:
    """Whether the file begins as the picture formats do that people share."""
    head = bytes(content[:16])
    return (
        head.startswith(_LEADING)
        or (head.startswith(b"BM") and head[6:10] == bytes(4))
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[4:8] == b"ftyp" and head[8:12] in _ISO_PICTURE_BRANDS)
    )


def looks_like_video(content: bytes | bytearray) -> bool:
    """Whether the file begins as the usual video containers do."""
    head = bytes(content[:12])
    return (
        (head[4:8] == b"ftyp" and head[8:12] not in _ISO_PICTURE_BRANDS)
        or head.startswith((b"\x1a\x45\xdf\xa3", b"FLV\x01", b"\x00\x00\x01\xba"))
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or (len(content) > 376 and content[0] == content[188] == content[376] == 0x47)  # MPEG-TS
    )


def is_still_container(content: bytes | bytearray) -> bool:
    """Whether the file is an ISO container (HEIC, AVIF) without a track: of its picture FFmpeg
    gives single tiles."""
    return content[4:8] == b"ftyp" and content.find(b"moov") < 0


def looks_like_document(content: bytes | bytearray) -> bool:
    """Whether the file begins as the documents, archives and programs do that people send, or as
    text: none of them is a picture or a video."""
    head = bytes(content[:_TEXT_HEAD])
    return head.startswith(_DOCUMENTS) or not _CONTROLS.intersection(head)


def ends_early(content: bytes | bytearray) -> bool:
    """Whether a container's own marks say that bytes are missing at its end."""
    if content.startswith(b"\xff\xd8\xff"):
        return content.rfind(b"\xff\xd9") < 0
    if content.startswith(b"\x89PNG"):
        return content.rfind(b"IEND") < 0
    if content.startswith(b"RIFF"):
        return int.from_bytes(content[4:8], "little") + 8 > len(content)
    if content[4:8] == b"ftyp":
        return _boxes_end_early(content)
    return False


def _boxes_end_early(content: bytes | bytearray) -> bool:
    """ISO/IEC 14496-12: boxes of a 32-bit size and a type, the size 0 reaching to the end and 1
    standing for a 64-bit size after the type."""
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4])
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16])
        elif size == 0:
            return False
        if size < 8:
            return False
        at += size
    return at > len(content)
