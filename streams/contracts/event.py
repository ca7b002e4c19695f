"""`ContentEvent`: what a platform tells the pipeline about one piece of content.

The JSON form is UTF-8. Fields are only ever added within a `schema_version`; unknown fields are
ignored, so that a newer producer never breaks an older worker.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from streams.contracts.values import (
    AgeBand,
    AgeSource,
    EventKind,
    HashOrigin,
    Id,
    Origin,
    PictureVariant,
    Surface,
)

RECIPIENTS_CAP = 64
"""Recipients beyond this many are dropped at decode, those under 18 last; `recipient_count` keeps
the true number."""
TEXT_CAP = 100_000
"""Characters of text that an event may carry; a longer text is refused."""
MAX_JSON_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""

# The length is bounded as well because `$` also matches before a final newline.
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{32}$", max_length=32)]
Hex40 = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{40}$", max_length=40)]
Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}$", max_length=64)]
Hex16 = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{16}$", max_length=16)]
Timestamp = Annotated[datetime, Meta(tz=True, description="RFC 3339, with an offset.")]


class Author(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who made the content. `age_source` says how the age band is known."""

    id: Id
    age_band: AgeBand = "unknown"
    age_source: AgeSource | None = None
    account_created_at: Timestamp | None = None


class Recipient(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Somebody the content was sent to."""

    id: Id
    age_band: AgeBand = "unknown"
    age_source: AgeSource | None = None


class FrameHash(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """PDQ of one frame of a video or of an animated picture, as in the published vPDQ rows;
    `seconds` from the start. `track` counts the video tracks of a file that has several (0: the
    one that players show); each is matched by itself. From 1000 on are the pictures that stand
    longest between the sampled frames of track 0 and so on."""

    frame: Annotated[int, Meta(ge=0, le=MAX_JSON_INTEGER)]
    quality: Annotated[int, Meta(ge=0, le=100)]
    pdq: Hex64
    seconds: Annotated[float, Meta(ge=0)]
    track: Annotated[int, Meta(ge=0, le=MAX_JSON_INTEGER)] = 0


class VariantHash(Struct, frozen=True, kw_only=True, gc=False):
    """PDQ of another view of a picture."""

    variant: PictureVariant
    pdq: Hex64
    quality: Annotated[int, Meta(ge=0, le=100)]


class MediaHashes(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Hashes of one media item, as hexadecimal strings.

    `pdq_quality` is PDQ's own 0–100; a PDQ below 50 is not matched. `opaque` holds vectors made
    elsewhere by an algorithm that is not shipped here (such as `photodna`), base64. `screened`
    says of a picture that Seawall looked it up roughly, that it can match nothing, and that its
    perceptual hashes are therefore left out. `variants` are of the picture turned, mirrored,
    without its borders or with its colour profile applied, and matched as `pdq` is; so are
    `frames`, where the media type or a hash of the picture itself says that they are an animated
    picture's.
    """

    md5: Hex32 | None = None
    sha1: Hex40 | None = None
    sha256: Hex64 | None = None
    pdq: Hex64 | None = None
    pdq_quality: Annotated[int, Meta(ge=0, le=100)] | None = None
    phash: Hex16 | None = None
    dhash: Hex16 | None = None
    frames: Annotated[list[FrameHash], Meta(max_length=20_000)] = []
    opaque: dict[str, str] = {}
    variants: Annotated[list[VariantHash], Meta(max_length=16)] = []
    screened: bool = False

    def __post_init__(self) -> None:
        if not (
            self.md5
            or self.sha1
            or self.sha256
            or self.pdq
            or self.phash
            or self.dhash
            or self.frames
            or self.opaque
        ):
            raise ValueError("hashes must hold at least one hash")


class Media(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One media item: exactly one of `hashes`, `uri` and `inline` (base64 of the bytes).

    `media_id` should be the event's only one of that name: decisions name items by it. Items that
    share one are matched each by itself, and decided as one target, by the strictest of them.
    """

    media_id: Id
    media_type: Annotated[str, Meta(min_length=1, max_length=127, description="e.g. image/jpeg")]
    hashes: MediaHashes | None = None
    hash_origin: HashOrigin | None = None
    uri: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    inline: bytes | None = None

    def __post_init__(self) -> None:
        given = (self.hashes is not None) + (self.uri is not None) + (self.inline is not None)
        if given != 1:
            raise ValueError("media must hold exactly one of hashes, uri and inline")
        if self.hashes is not None and self.hash_origin is None:
            raise ValueError("media with hashes must say hash_origin")


def numbered(media: Iterable[Media]) -> Iterator[tuple[int, Media, MediaHashes]]:
    """The items that have hashes, with these, each behind the number of such before it that share
    its `media_id`: what `HashMatch.item` is."""
    before: dict[str, int] = {}
    for item in media:
        if item.hashes is not None:
            number = before.get(item.media_id, 0)
            before[item.media_id] = number + 1
            yield number, item, item.hashes


class ContentEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing that happened to one piece of content.

    `occurred_at` is the platform's clock and is not trusted: scores use the broker's time.
    `conversation_id`, else `author.id`, else `content_id` is the record's key. `encrypted` says
    that only hashes and metadata are present, as beside end-to-end encryption. The `author` of a
    `user_report` is who reports, not who is reported. Of more than 64 `recipients`, 64 are kept,
    those under 18 (by `age_band`) before others; `recipient_count` is the number that there were.
    """

    schema_version: Literal[1] = 1
    event_id: Id
    tenant: Id
    kind: EventKind
    occurred_at: Timestamp
    origin: Origin = "live"
    content_id: Id
    surface: Surface
    author: Author
    recipients: Annotated[list[Recipient], Meta(max_length=100_000)] = []
    recipient_count: Annotated[int, Meta(ge=0, le=MAX_JSON_INTEGER)] | None = None
    conversation_id: Id | None = None
    text: Annotated[str, Meta(max_length=TEXT_CAP)] | None = None
    language: Annotated[str, Meta(max_length=35)] | None = None
    urls: Annotated[list[Annotated[str, Meta(max_length=8192)]], Meta(max_length=256)] = []
    media: Annotated[list[Media], Meta(max_length=64)] = []
    client_indicators: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=64)
    ] = []
    encrypted: bool = False
    jurisdiction: Annotated[str, Meta(max_length=16)] | None = None

    def __post_init__(self) -> None:
        if self.encrypted and (self.text is not None or any(m.hashes is None for m in self.media)):
            raise ValueError(
                "an encrypted event holds hashes and metadata only: no text, uri or inline"
            )


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


class Keyed(Protocol):
    """The part of an event that its key is made of."""

    @property
    def content_id(self) -> str: ...
    @property
    def author(self) -> _Identified: ...
    @property
    def surface(self) -> str: ...
    @property
    def conversation_id(self) -> str | None: ...


def event_key(event: Keyed) -> bytes:
    """The Kafka key that keeps a conversation's events in order. A live surface's conversation
    would be one partition's load: its events go by author."""
    talk = None if event.surface == "live" else event.conversation_id
    return (talk or event.author.id or event.content_id).encode()
