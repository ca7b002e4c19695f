"""The hash-matching stage: media hashes and addresses against the lists."""

import base64
from collections.abc import Callable, Mapping, Sequence

from matchers.indexes.url_finder import FoundUrl, find_urls, may_hold_url
from matchers.lists.entry import FRAME_QUALITY, PHOTODNA_BYTES
from matchers.lists.matcher import HashQuery, ListMatcher, Match
from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent, Media, MediaHashes
from streams.contracts.signal import HashMatch, Signal, UrlMatch
from streams.contracts.stage import StageResult, StateKey, StateValue
from streams.contracts.values import Algorithm, HashOrigin, StageName


class HashMatching:
    """Adds a `HashMatch` or `UrlMatch` for every list entry that an event's media and addresses
    match. One matcher serves a whole batch, and its version is noted on each envelope.

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
        addresses = _UrlQueries(matcher.lists_urls)
        for envelope in batch:
            envelope.lists_version = version
            event = envelope.event
            if event.media:
                hashes.add(envelope, event.media)
            if event.urls or event.text:
                addresses.add(envelope, event)
        for envelope, signal in [*hashes.match(matcher), *addresses.match(matcher)]:
            envelope.signals.append(signal)
        return StageResult(batch)


class _HashQueries:
    """The hashes of a batch, and whose they are. A scan counts as performed only where a list
    holds what it could find."""

    def __init__(self, listed: Callable[[Algorithm], bool]) -> None:
        self._listed = listed
        self._queries: list[HashQuery] = []
        self._owners: list[tuple[Envelope, Media]] = []

    def add(self, envelope: Envelope, media: Sequence[Media]) -> None:
        if "hash" in envelope.scans_withheld:
            return
        for item in media:
            if item.hashes is None:
                continue
            queries = _queries(item.hashes)
            if encoded := item.hashes.opaque.get("photodna"):
                vector = _photodna(encoded)
                if vector is not None:
                    queries.append(HashQuery("photodna", vector))
                elif "photodna_unreadable" not in envelope.degraded:
                    envelope.degraded.append("photodna_unreadable")
            self._queries += queries
            self._owners += [(envelope, item)] * len(queries)
            if "pdq_quality" not in envelope.degraded and any(
                query.below_quality for query in queries
            ):
                envelope.degraded.append("pdq_quality")
            if "hash" not in envelope.scans_performed and any(
                self._listed(query.algorithm) for query in queries
            ):
                envelope.scans_performed.append("hash")

    def match(self, matcher: ListMatcher) -> list[tuple[Envelope, Signal]]:
        if not self._queries:
            return []
        found = matcher.match_hashes(self._queries)
        return [
            (
                envelope,
                _hash_signal(
                    item.media_id,
                    # Contracts refuse hashes without an origin; the weakest stands in for none.
                    item.hash_origin or "client_unverified",
                    query.quality,
                    match,
                ),
            )
            for (envelope, item), query, matches in zip(
                self._owners, self._queries, found, strict=True
            )
            for match in matches
        ]


class _UrlQueries:
    """The addresses of a batch, and whose they are: an index in `urls`, or a place in the text."""

    def __init__(self, listed: bool) -> None:
        self._listed = listed
        self._urls: list[str] = []
        self._owners: list[tuple[Envelope, int | FoundUrl]] = []

    def add(self, envelope: Envelope, event: ContentEvent) -> None:
        if "url" in envelope.scans_withheld:
            return
        if not self._listed:
            return
        if "url" not in envelope.scans_performed:
            envelope.scans_performed.append("url")
        for index, url in enumerate(event.urls):
            self._urls.append(url)
            self._owners.append((envelope, index))
        if event.text and may_hold_url(event.text):
            for found in find_urls(event.text):
                self._urls.append(found.url)
                self._owners.append((envelope, found))

    def match(self, matcher: ListMatcher) -> list[tuple[Envelope, Signal]]:
        if not self._urls:
            return []
        found = matcher.match_urls(self._urls)
        return [
            (envelope, _url_signal(place, match))
            for (envelope, place), matches in zip(self._owners, found, strict=True)
            for match in matches
        ]


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
    frames = [frame.pdq for frame in hashes.frames if frame.quality >= FRAME_QUALITY]
    if frames:
        queries.append(HashQuery("vpdq", bytes.fromhex("".join(frames))))
    return queries


def _photodna(encoded: str) -> bytes | None:
    """A client's vector, or `None` when it is not one: contracts do not look into it."""
    try:
        vector = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return vector if len(vector) == PHOTODNA_BYTES else None


def _hash_signal(media_id: str, origin: HashOrigin, quality: int | None, match: Match) -> HashMatch:
    return HashMatch(
        media_id=media_id,
        list=match.list,
        entry=match.entry,
        algorithm=match.algorithm,
        distance=match.distance,
        radius=match.radius,
        role=match.role,
        category=match.category,
        source_kind=match.source_kind,
        verified=match.verified,
        hash_origin=origin,
        quality=quality,
        labels=match.labels,
        query_share=match.query_share,
        compared_share=match.compared_share,
    )


def _url_signal(place: int | FoundUrl, match: Match) -> UrlMatch:
    in_text = isinstance(place, FoundUrl)
    return UrlMatch(
        list=match.list,
        entry=match.entry,
        role=match.role,
        category=match.category,
        source_kind=match.source_kind,
        verified=match.verified,
        url_index=None if in_text else place,
        start=place.start if in_text else None,
        end=place.end if in_text else None,
        labels=match.labels,
    )
