"""The media-hashing stage: media in, hashes out, bytes gone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Protocol

from msgspec.structs import replace

from matchers.hashing.decoder import DecoderNotStarted
from matchers.hashing.decoder_pool import MediaSource, PoolClosed
from matchers.hashing.digests import Digests
from matchers.hashing.fetch import SourceUnavailable
from matchers.hashing.outcome import HashResult
from matchers.provenance.finding import Finding
from streams.contracts.envelope import Envelope
from streams.contracts.event import FrameHash, Media, MediaHashes, VariantHash
from streams.contracts.signal import MediaError, Provenance
from streams.contracts.stage import DependencyUnavailable, StageResult, StateKey, StateValue
from streams.contracts.values import StageName

_CLAIMS: Mapping[str, Literal["picture", "video"]] = {"image": "picture", "video": "video"}


class MediaHasher(Protocol):
    """What hashes files: a `DecoderPool`, or a `ListScreening` where the lists are at hand."""

    def hash_many(self, items: Sequence[MediaSource]) -> list[HashResult]:
        """One result for each item, in order. Raises `SourceUnavailable`."""
        ...


class MediaHashing:
    """Replaces every media item that holds bytes or a uri by its hashes (`hash_origin` `server`).

    An item of which nothing can be hashed leaves the event, since a media item must hold
    something; a `MediaError` names it by its id. It is also added where only the digests could be
    made, and where a file with a fault was read all the same. Items that come hashed already are
    passed on. Where the scan basis withholds `hash`, bytes and uris are dropped unread; unless it
    withholds `provenance`, what pictures say of their making is added as `Provenance`. A PDQ of low
    quality is kept: hash-matching leaves it out and says so.
    """

    name: StageName = "media-hashing"

    def __init__(self, hasher: MediaHasher, *, inline_allowed: bool) -> None:
        """`inline_allowed`: whether bytes within events are taken, rather than uris alone."""
        self._hasher = hasher
        self._inline_allowed = inline_allowed

    def keys(self, batch: Sequence[Envelope]) -> Sequence[StateKey]:
        """None: hashing a file depends on that file alone."""
        return ()

    def run(self, batch: Sequence[Envelope], state: Mapping[StateKey, StateValue]) -> StageResult:
        """Hash all files of the batch at once, over the hasher's processes."""
        sources = [
            source
            for envelope in batch
            if "hash" not in envelope.scans_withheld
            for media in envelope.event.media
            if (source := self._source(media, envelope)) is not None
        ]
        try:
            results = iter(self._hasher.hash_many(sources) if sources else ())
        except SourceUnavailable as error:
            raise DependencyUnavailable(error.source, error.why) from error
        except (DecoderNotStarted, PoolClosed) as error:
            raise DependencyUnavailable("decoders", type(error).__name__) from error
        return StageResult(
            [
                self._hashed(envelope, results) if envelope.event.media else envelope
                for envelope in batch
            ]
        )

    def _hashed(self, envelope: Envelope, results: Iterator[HashResult]) -> Envelope:
        if all(media.hashes is not None for media in envelope.event.media):
            return envelope
        withheld = "hash" in envelope.scans_withheld
        read = False
        kept: list[Media] = []
        signals = list(envelope.signals)
        for media in envelope.event.media:
            if media.hashes is not None:
                kept.append(media)
            elif not withheld:
                if self._source(media, envelope) is None:
                    signals.append(MediaError(media_id=media.media_id, reason="inline_not_allowed"))
                    continue
                found = next(results)
                if found.error is not None:
                    signals.append(MediaError(media_id=media.media_id, reason=found.error))
                signals += [_provenance(media, finding) for finding in found.provenance]
                if found.digests is not None:
                    read = True
                    kept.append(_hash_only(media, found.digests, found))
        performed = envelope.scans_performed
        if read and _may_read_provenance(envelope) and "provenance" not in performed:
            performed = [*performed, "provenance"]
        return replace(
            envelope,
            event=replace(envelope.event, media=kept),
            signals=signals,
            scans_performed=performed,
        )

    def _source(self, media: Media, envelope: Envelope) -> MediaSource | None:
        provenance = _may_read_provenance(envelope)
        kind = media.media_type.lower().partition("/")[0]
        claims = _CLAIMS.get(kind)
        if media.uri is not None:
            return MediaSource(media.uri, claims, provenance)
        if media.inline is not None and self._inline_allowed:
            return MediaSource(media.inline, claims, provenance)
        return None


def _may_read_provenance(envelope: Envelope) -> bool:
    return "provenance" not in envelope.scans_withheld


def _provenance(media: Media, finding: Finding) -> Provenance:
    return Provenance(
        media_id=media.media_id,
        standing=finding.standing,
        evidence=finding.evidence,
        generator=finding.generator,
    )


def _hash_only(media: Media, digests: Digests, found: HashResult) -> Media:
    # Rough hashes serve the screening alone: none travels on, to be stored or looked up elsewhere.
    still = found.still if found.still is not None and found.still.exact else None
    hashes = MediaHashes(
        md5=digests.md5,
        sha1=digests.sha1,
        sha256=digests.sha256,
        pdq=still and still.pdq,
        pdq_quality=found.still and found.still.quality,
        phash=still and still.phash,
        dhash=still and still.dhash,
        screened=found.still is not None and still is None,
        variants=[
            VariantHash(variant=view.variant, pdq=view.pdq, quality=view.quality)
            for view in (still.variants if still else ())
        ],
        frames=[
            FrameHash(frame=f.frame, quality=f.quality, pdq=f.pdq, seconds=f.seconds, track=f.track)
            for f in found.frames
        ],
    )
    return Media(
        media_id=media.media_id,
        media_type=media.media_type,
        hashes=hashes,
        hash_origin="server",
    )
