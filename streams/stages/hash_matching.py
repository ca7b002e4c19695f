"""The hash-matching stage: media hashes and addresses against the lists."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from matchers.hashing.text import shingles, text_tlsh, tlsh_available
from matchers.lists.entry import PHOTODNA_BYTES
from matchers.lists.matcher import PDQ_QUALITY_FLOOR, HashQuery, ListMatcher, Match
from streams.contracts.envelope import Envelope
from streams.contracts.event import Media, MediaHashes, numbered
from streams.contracts.signal import HashMatch, Signal, TextMatch
from streams.contracts.stage import StageResult, StateKey, StateValue
from streams.contracts.values import Algorithm, PictureVariant, Scan, StageName
from streams.stages.list_uses import ListUses
from streams.stages.match_bound import bounded
from streams.stages.media_views import (
    MAX_PICTURE_FRAMES,
    further_told,
    is_animated_picture,
    picture_frames,
    video_tracks,
    without_repeats,
)
from streams.stages.url_queries import UrlQueries


class HashMatching:
    """Adds a `HashMatch`, `UrlMatch` or `TextMatch` for every list entry that an event's media,
    addresses and text match. One matcher serves a whole batch, and its version is noted on each
    envelope.

    A text is compared with listed ones where both `text` and `hash` are permitted: it is read,
    and looked up among hashes, and neither basis alone speaks for that.

    `matcher` gives the lists as they are now: after a reload, the next batch sees the new ones.
    """

    def __init__(self, matcher: Callable[[], ListMatcher]) -> None:
        self._matcher = matcher

    @property
    def name(self) -> StageName:
        return "hash-matching"

    def keys(self, batch: Sequence[Envelope]) -> Sequence[StateKey]:
        """None: a match depends on the event and the lists alone."""
        return ()

    def run(self, batch: Sequence[Envelope], state: Mapping[StateKey, StateValue]) -> StageResult:
        """Match the whole batch in one look-up for each algorithm.

        Signals are added last, when nothing can fail any more: a chunk that is tried again must
        not find them twice.
        """
        matcher = self._matcher()
        version = matcher.version
        hashes = _HashQueries(matcher.lists)
        addresses = UrlQueries(matcher.lists_urls)
        texts = _TextQueries(matcher.lists)
        for envelope in batch:
            envelope.lists_version = version
            event = envelope.event
            if event.media:
                hashes.add(envelope, event.media)
            if event.urls or event.text:
                addresses.add(envelope, event)
            if event.text:
                texts.add(envelope, event.text)
        uses = ListUses(matcher.infos)
        found = [*hashes.match(matcher), *addresses.match(matcher), *texts.match(matcher)]
        for envelope, signal in bounded(uses.permitted(found)):
            envelope.signals.append(signal)
        uses.note(batch)
        return StageResult(batch)


class _Owner(NamedTuple):
    """Whose a hash is, and of which view of the item."""

    envelope: Envelope
    item: Media
    variant: PictureVariant | None = None
    frame: int | None = None
    track: int = 0


class _Further(NamedTuple):
    """The places of an item's own query of an algorithm, and of those of its further views."""

    own: int | None
    views: range


class _HashQueries:
    """The hashes of a batch, and whose they are. A scan counts as performed only where a list
    holds what it could find."""

    def __init__(self, listed: Callable[[Algorithm], bool]) -> None:
        self._listed = listed
        self._queries: list[HashQuery] = []
        self._owners: list[_Owner] = []
        self._further: list[_Further] = []
        self._numbers: dict[tuple[int, int], int] = {}
        """Of an envelope's items that are not the first with their id, by `id` of both."""

    def add(self, envelope: Envelope, media: Sequence[Media]) -> None:
        if "hash" in envelope.scans_withheld:
            return
        if len(media) > 1:
            for number, item, _ in numbered(media):
                if number:
                    self._numbers[id(envelope), id(item)] = number
        for item in media:
            if item.hashes is None:
                continue
            queries = _queries(item.hashes)
            tracks = video_tracks(item.hashes)
            first_track = next(iter(tracks), 0)
            if tracks:
                queries.append(HashQuery("vpdq", tracks.pop(first_track)))
            if encoded := item.hashes.opaque.get("photodna"):
                vector = _photodna(encoded)
                if vector is not None:
                    queries.append(HashQuery("photodna", vector))
                elif "photodna_unreadable" not in envelope.degraded:
                    envelope.degraded.append("photodna_unreadable")
            own: dict[Algorithm, int] = {
                query.algorithm: len(self._queries) + at for at, query in enumerate(queries)
            }
            self._queries += queries
            self._owners += [
                _Owner(envelope, item, track=first_track if query.algorithm == "vpdq" else 0)
                for query in queries
            ]
            for view in item.hashes.variants:
                self._queries.append(HashQuery("pdq", bytes.fromhex(view.pdq), view.quality))
                self._owners.append(_Owner(envelope, item, view.variant))
            looked_up: set[Algorithm] = {query.algorithm for query in queries}
            looked_up |= self._add_further(envelope, item, item.hashes, tracks, own)
            if "pdq_quality" not in envelope.degraded and (
                any(query.below_quality for query in queries) or _screened_below(item.hashes)
            ):
                envelope.degraded.append("pdq_quality")
            if item.hashes.variants:
                looked_up.add("pdq")
            if item.hashes.screened:
                looked_up.update(_SCREENED)
            if "hash" not in envelope.scans_performed and any(map(self._listed, looked_up)):
                envelope.scans_performed.append("hash")

    def _add_further(
        self,
        envelope: Envelope,
        item: Media,
        hashes: MediaHashes,
        tracks: Mapping[int, bytes],
        own: Mapping[Algorithm, int],
    ) -> set[Algorithm]:
        """Add the frames of an animated picture, and the further `tracks` of a video. `own` has
        the places of the item's own queries."""
        further: dict[Algorithm, list[tuple[HashQuery, _Owner]]] = {"pdq": [], "vpdq": []}
        if self._listed("pdq") and is_animated_picture(item, hashes):
            frames = picture_frames(hashes)
            if len(frames) > MAX_PICTURE_FRAMES and "picture_frames" not in envelope.degraded:
                envelope.degraded.append("picture_frames")
            further["pdq"] = [
                (
                    HashQuery("pdq", bytes.fromhex(frame.pdq), frame.quality),
                    _Owner(envelope, item, frame=frame.frame, track=frame.track),
                )
                for frame in frames[:MAX_PICTURE_FRAMES]
            ]
        further["vpdq"] = [
            (HashQuery("vpdq", value), _Owner(envelope, item, track=track))
            for track, value in tracks.items()
        ]
        added: set[Algorithm] = set()
        for algorithm, views in further.items():
            if views:
                begin = len(self._queries)
                self._queries += [query for query, _ in views]
                self._owners += [owner for _, owner in views]
                places = range(begin, len(self._queries))
                self._further.append(_Further(own.get(algorithm), places))
                added.add(algorithm)
        return added

    def match(self, matcher: ListMatcher) -> list[tuple[Envelope, Signal]]:
        if not self._queries:
            return []
        signals: list[tuple[Envelope, Signal]] = []
        nearest: dict[tuple[int, str, str, str, str], int] = {}
        found = matcher.match_hashes(self._queries)
        told = self._told(found)
        for place, (owner, query) in enumerate(zip(self._owners, self._queries, strict=True)):
            envelope, item = owner.envelope, owner.item
            for match in told.get(place, found[place]):
                if (
                    match.algorithm == "pdq"
                    and place not in told
                    and item.hashes is not None
                    and item.hashes.variants
                ):
                    # A view is told only if it is nearer to the entry than those before it. An
                    # item's entries may ask for different things: each is told.
                    about = (id(item), match.list, match.entry, match.category, match.role)
                    if nearest.get(about, match.radius + 1) <= match.distance:
                        continue
                    nearest[about] = match.distance
                number = self._numbers.get((id(envelope), id(item)), 0)
                signals.append((envelope, _hash_signal(owner, number, query.quality, match)))
        return signals

    def _told(self, found: Sequence[Sequence[Match]]) -> dict[int, list[Match]]:
        """By the place of their query, the matches that are told of further views."""
        told: dict[int, list[Match]] = {}
        for own, places in self._further:
            told |= {place: [] for place in places}
            matches = found[own] if own is not None else ()
            views = found[places.start : places.stop]
            if own is not None and self._queries[own].algorithm == "vpdq":
                tracks = [self._owners[place].track for place in places]
                views = without_repeats(matches, self._owners[own].track, views, tracks)
            qualities = [self._queries[place].quality for place in places]
            mine = self._queries[own].quality if own is not None else None
            for view, match in further_told(matches, views, [mine, *qualities]):
                told[places[view]].append(match)
        return told


class _TextQueries:
    """What is looked up of a batch's texts, and whose it is; nothing where no list could match."""

    def __init__(self, listed: Callable[[Algorithm], bool]) -> None:
        self._minhash = listed("minhash")
        self._tlsh = listed("tlsh")
        self._can_tlsh = self._tlsh and tlsh_available()
        self._queries: list[HashQuery] = []
        self._owners: list[Envelope] = []

    def add(self, envelope: Envelope, text: str) -> None:
        if not (self._minhash or self._tlsh):
            return
        if any(scan in envelope.scans_withheld for scan in _WRITTEN):
            return
        if self._tlsh and not self._can_tlsh and "tlsh_not_installed" not in envelope.degraded:
            envelope.degraded.append("tlsh_not_installed")
        if not (self._minhash or self._can_tlsh):
            return
        for scan in _WRITTEN:
            if scan not in envelope.scans_performed:
                envelope.scans_performed.append(scan)
        if self._minhash and (value := shingles(text)) is not None:
            self._queries.append(HashQuery("minhash", value))
            self._owners.append(envelope)
        if self._can_tlsh and (value := text_tlsh(text)) is not None:
            self._queries.append(HashQuery("tlsh", value))
            self._owners.append(envelope)

    def match(self, matcher: ListMatcher) -> list[tuple[Envelope, Signal]]:
        if not self._queries:
            return []
        found = matcher.match_hashes(self._queries)
        return [
            (envelope, _text_signal(match))
            for envelope, matches in zip(self._owners, found, strict=True)
            for match in matches
        ]


_WRITTEN: tuple[Scan, ...] = ("hash", "text")
"""The scans that comparing a text with listed ones takes."""


_SCREENED: tuple[Algorithm, ...] = ("pdq", "phash", "dhash")


def _screened_below(hashes: MediaHashes) -> bool:
    return (
        hashes.screened
        and hashes.pdq_quality is not None
        and hashes.pdq_quality < PDQ_QUALITY_FLOOR
    )


def _queries(hashes: MediaHashes) -> list[HashQuery]:
    queries: list[HashQuery] = []
    if hashes.md5:
        queries.append(HashQuery("md5", bytes.fromhex(hashes.md5)))
    if hashes.sha1:
        queries.append(HashQuery("sha1", bytes.fromhex(hashes.sha1)))
    if hashes.sha256:
        queries.append(HashQuery("sha256", bytes.fromhex(hashes.sha256)))
    if hashes.pdq:
        queries.append(HashQuery("pdq", bytes.fromhex(hashes.pdq), hashes.pdq_quality))
    if hashes.phash:
        queries.append(HashQuery("phash", bytes.fromhex(hashes.phash)))
    if hashes.dhash:
        queries.append(HashQuery("dhash", bytes.fromhex(hashes.dhash)))
    return queries


def _photodna(encoded: str) -> bytes | None:
    """A client's vector, or `None` when it is not one: contracts do not look into it."""
    try:
        vector = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return vector if len(vector) == PHOTODNA_BYTES else None


def _hash_signal(owner: _Owner, number: int, quality: int | None, match: Match) -> HashMatch:
    item = owner.item
    return HashMatch(
        media_id=item.media_id,
        list=match.list,
        entry=match.entry,
        algorithm=match.algorithm,
        distance=match.distance,
        radius=match.radius,
        role=match.role,
        category=match.category,
        source_kind=match.source_kind,
        verified=match.verified,
        # Contracts refuse hashes without an origin; the weakest stands in for none.
        hash_origin=item.hash_origin or "client_unverified",
        variant=owner.variant,
        frame=owner.frame,
        track=owner.track,
        item=number,
        quality=quality,
        labels=match.labels,
        query_share=match.query_share,
        compared_share=match.compared_share,
        verified_by=match.verified_by,
    )


def _text_signal(match: Match) -> TextMatch:
    return TextMatch(
        list=match.list,
        entry=match.entry,
        algorithm=match.algorithm,
        similarity=match.similarity,
        role=match.role,
        category=match.category,
        source_kind=match.source_kind,
        verified=match.verified,
        labels=match.labels,
        verified_by=match.verified_by,
        distance=match.distance if match.algorithm == "tlsh" else None,
    )
