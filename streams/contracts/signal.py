"""Signals: the facts that stages find. A signal says what it is about and why, never the text."""

from typing import Annotated

from msgspec import Meta, Struct

from streams.contracts.values import Algorithm, HashOrigin, Id, PictureVariant, Role, SourceKind


class HashMatch(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="hash_match"
):
    """A media item's hash is within a list entry's radius.

    `distance` is in bits (0 for digests; of a video, of the nearest pair of frames; of PhotoDNA
    the sum by its metric); `radius` is the one that was asked for; `quality` is PDQ's. Of a
    video, the shares (0–1) are those of its frames and of the entry's that match. `verified` says
    that the list names who verified it, `verified_by` who that is. `variant` names the view of the
    picture that matches, where it is not the picture as it was sent; `frame` the frame of an
    animated picture, where it is not the picture's own hash; `track` the video track, where it is
    not the one that players show. `item` counts, from 0, the event's hashed items that share the
    `media_id`.
    """

    media_id: Id
    list: str
    entry: str
    algorithm: Algorithm
    distance: int
    radius: int
    role: Role
    category: str
    source_kind: SourceKind
    verified: bool
    hash_origin: HashOrigin
    quality: int | None = None
    labels: tuple[str, ...] = ()
    query_share: float | None = None
    compared_share: float | None = None
    verified_by: str = ""
    variant: PictureVariant | None = None
    frame: int | None = None
    track: int = 0
    item: int = 0


class UrlMatch(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="url_match"
):
    """A URL of the event is on a list. `url_index` counts in the event's `urls`; `None` and
    `start`/`end` (characters) when the address stood in the text."""

    list: str
    entry: str
    role: Role
    category: str
    source_kind: SourceKind
    verified: bool
    url_index: int | None = None
    start: int | None = None
    end: int | None = None
    labels: tuple[str, ...] = ()
    verified_by: str = ""


class TextMatch(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="text_match"
):
    """The text holds listed written material, or a near copy. `similarity` is the share (0–1) of
    the listed text that it holds; by TLSH, which knows no shares, 1 − `distance`/300."""

    list: str
    entry: str
    algorithm: Algorithm
    similarity: float
    role: Role
    category: str
    source_kind: SourceKind
    verified: bool
    labels: tuple[str, ...] = ()
    verified_by: str = ""
    distance: int | None = None


class IndicatorHit(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An indicator found at characters [`start`, `end`) of the raw text, in the named view."""

    indicator: str
    category: str
    start: int
    end: int
    view: str = "raw"
    weight: float = 1.0


class ScorePart(Struct, frozen=True, kw_only=True, gc=False):
    """One named addend of a score."""

    name: str
    value: float


class TextRisk(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="text_risk"
):
    """A conversation (or a sender, by `scope`) shows a pattern of risk.

    `score` is the sum of `parts`, `level` what the model makes of it. `pattern` names a composite
    such as `sextortion`. `on_trial`: found by a catalogue that no native speaker has reviewed.
    `of_other`: the side of somebody else there than the author, whom this message shows to be
    under 18; without `hits`, and `account_id` is theirs, where the event names them.
    """

    scope: str
    score: float
    level: str
    categories: tuple[str, ...]
    hits: tuple[IndicatorHit, ...]
    parts: tuple[ScorePart, ...]
    pattern: str | None = None
    model: str = ""
    on_trial: bool = False
    unverified: bool = False
    minor_involved: bool = False
    of_other: bool = False
    account_id: Id | None = None


class UserReport(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="user_report"
):
    """A person reported this content."""

    reporter_age_band: str = "unknown"


class Provenance(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="provenance"
):
    """What a file says of its making. `standing` is `signed` or `claimed`; absence says nothing."""

    media_id: Id
    standing: str
    evidence: str
    generator: str | None = None


class MediaError(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="media_error"
):
    """A media item could not be hashed as a picture; its digests, if any, are still matched."""

    media_id: Id
    reason: Annotated[str, Meta(description="A fixed word, such as truncated, too_large, timeout.")]


Signal = HashMatch | UrlMatch | TextMatch | TextRisk | UserReport | Provenance | MediaError
