"""What is looked up of a media item that shows more than one picture or video, and what is told.

The frames of an animated picture are pictures, and each track of a video is a video: what one of
them holds must not hide behind another.
"""

from collections.abc import Iterator, Sequence

from matchers.hashing.outcome import STANDING_TRACKS
from matchers.lists.entry import FLAGGED, FRAME_QUALITY
from matchers.lists.matcher import Match
from streams.contracts.event import FrameHash, Media, MediaHashes

MAX_PICTURE_FRAMES = 1_000
"""Distinct frames of one animated picture that are looked up as pictures: all that are hashed of a
file unless `media.max_frames` is raised."""
MAX_VIEWS_TOLD = 8
"""Further frames or tracks of one item of which matches are told, besides one for each list,
category and role."""


def is_animated_picture(media: Media, hashes: MediaHashes) -> bool:
    """Whether `frames` are a picture's: by the media type, or because media-hashing found the file
    to be one, of which it hashes the first frame too. (What a client calls a video may come with
    the PDQ of its poster.) Those of videos are not looked up so: docs/own-the-lists.md."""
    if not hashes.frames:
        return False
    is_called_picture = media.media_type.lower().startswith("image/")
    return is_called_picture or (media.hash_origin == "server" and hashes.pdq is not None)


def picture_frames(hashes: MediaHashes) -> list[FrameHash]:
    """The frames that can be looked up, the first of those that are equal, without those that are
    equal to the picture's own PDQ."""
    distinct: dict[str, FrameHash] = {}
    for frame in hashes.frames:
        if frame.quality >= FRAME_QUALITY:
            distinct.setdefault(frame.pdq.lower(), frame)
    own = distinct.get(hashes.pdq.lower()) if hashes.pdq else None
    if own is not None and (hashes.pdq_quality or 0) >= own.quality:
        del distinct[own.pdq.lower()]
    return list(distinct.values())


def video_tracks(hashes: MediaHashes) -> dict[int, bytes]:
    """The frames that can be looked up, by their track, as a `vpdq` query takes them."""
    tracks: dict[int, list[str]] = {}
    for frame in hashes.frames:
        if frame.quality >= FRAME_QUALITY:
            tracks.setdefault(frame.track, []).append(frame.pdq)
    return {track: bytes.fromhex("".join(tracks[track])) for track in sorted(tracks)}


def without_repeats(
    sampled: Sequence[Match],
    own_track: int,
    views: Sequence[Sequence[Match]],
    tracks: Sequence[int],
) -> list[Sequence[Match]]:
    """The matches of a video's further `tracks`, without the entries that the second look at a
    track matches as its sampled frames do: it tells only what those do not show."""
    first = {own_track: sampled} | dict(zip(tracks, views, strict=True))
    kept: list[Sequence[Match]] = []
    for track, matches in zip(tracks, views, strict=True):
        known = {
            (match.list, match.entry, match.category, match.role)
            for covered, match in _covered(first.get(track - STANDING_TRACKS, ()))
            if not covered
        }
        kept.append(
            [
                match
                for match in matches
                if match.role == "allow"
                or (match.list, match.entry, match.category, match.role) not in known
            ]
        )
    return kept


def further_told(
    own: Sequence[Match], further: Sequence[Sequence[Match]], qualities: Sequence[int | None]
) -> Iterator[tuple[int, Match]]:
    """Of an item's further views those matches that are told, each with the place of its view.

    An entry is told of the view that is nearest to it, if that is not the item's `own`, and of
    those that are less near and sharper (`qualities` of the own view and the further ones), since
    what is close has to be both; with a view its `allow` matches, which take out what is no nearer
    in the same view. So a view in which none is as near comes first. Past `MAX_VIEWS_TOLD` views
    only those are told that are the first of their list, category and role, or sharper than those:
    a file of a thousand listed frames needs no more to be decided.
    """
    sharpness = [-1 if quality is None else quality for quality in qualities]
    ranked = sorted(
        (
            (covered, match.distance, -sharpness[place], place, match)
            for place, matches in enumerate([own, *further])
            for covered, match in _covered(matches)
        ),
        key=lambda found: found[:4],
    )
    seen: dict[tuple[str, str, str, str], int] = {}
    kinds: dict[tuple[str, str, str, bool], int] = {}
    chosen: dict[int, list[Match]] = {}
    for _, _, _, place, match in ranked:
        sharp = sharpness[place]
        entry = (match.list, match.entry, match.category, match.role)
        if seen.get(entry, -2) >= sharp:
            continue
        kind = (match.list, match.category, match.role, FLAGGED in match.labels)
        told_already = kinds.get(kind, -2) >= sharp
        if place and place not in chosen and len(chosen) >= MAX_VIEWS_TOLD and told_already:
            continue
        seen[entry] = sharp
        kinds[kind] = max(sharp, kinds.get(kind, -2))
        if place:
            chosen.setdefault(place, []).append(match)
    for place in sorted(chosen):
        for match in chosen[place]:
            yield place - 1, match
        for match in further[place - 1]:
            if match.role == "allow":
                yield place - 1, match


def _covered(matches: Sequence[Match]) -> Iterator[tuple[bool, Match]]:
    """The matches of one view that ask for something, and whether an `allow` entry is as near."""
    nearest = min((match.distance for match in matches if match.role == "allow"), default=None)
    for match in matches:
        if match.role != "allow":
            yield nearest is not None and nearest <= match.distance, match
