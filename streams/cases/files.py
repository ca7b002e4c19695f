"""The files of a case: what is known of each, and its `fileDetails`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from streams.cases.cybertip import FileAnnotations, FileDetails, FileHash
from streams.cases.file import CaseFile, Submission
from streams.cases.opening import is_ground
from streams.contracts.case_record import CaseOpening
from streams.contracts.event import Media, MediaHashes, numbered
from streams.contracts.outcome import ReviewOutcome
from streams.contracts.signal import HashMatch, Provenance

DIGESTS = frozenset({"md5", "sha1", "sha256"})
SELF_PRODUCED = frozenset({"self_generated", "self_produced"})
"""Labels by which lists say that a file was made by who is on it."""
VIRAL_ACCOUNTS = 10
"""Accounts from which the same file came, while its case was open, for it to be called viral.
A choice of this project's: the schema asks whether a file circulates rapidly, and no number."""


class FileMatch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A listed original. `kind`: `exact` is the same bytes, `perceptual` is alike. `verified_by`
    is who verified that original, empty when nobody is named."""

    kind: Literal["exact", "perceptual"]
    algorithm: str
    distance: int
    list: str
    entry: str
    category: str
    verified_by: str


class FileEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file. `new` means unknown to the lists, never that anybody judged it; `hash_origin`
    says who hashed it."""

    media_id: str
    media_type: str
    hash_origin: str
    new: bool
    matches: list[FileMatch] = []
    provenance: list[Provenance] = []
    details: FileDetails


class _Copy(NamedTuple):
    """A file in one event; `number` as in `HashMatch.item`."""

    opening: CaseOpening
    number: int
    media: Media
    hashes: MediaHashes


def file_entries(case: CaseFile) -> list[FileEntry]:
    """The case's files: copies with the same bytes are one. A digest that a client claims and
    nobody vouches for says nothing of bytes: each such copy is a file of its own."""
    return [_entry(case, same) for same in _files(case)]


def _files(case: CaseFile) -> Iterable[list[_Copy]]:
    copies: dict[tuple[str, ...], list[_Copy]] = {}
    for opening in case.openings:
        for number, media, hashes in numbered(opening.media):
            copy = _Copy(opening, number, media, hashes)
            copies.setdefault(_identity(copy), []).append(copy)
    return copies.values()


def says_generated(signal: Provenance) -> bool:
    """Whether a file says that a machine made it: it names a generator, or IPTC's digital source
    types for such media, which end in `AlgorithmicMedia`."""
    return signal.generator is not None or "algorithmicmedia" in signal.evidence.lower()


def _identity(copy: _Copy) -> tuple[str, ...]:
    if copy.media.hash_origin != "client_unverified":
        for name in ("sha256", "sha1", "md5"):
            digest: str | None = getattr(copy.hashes, name)
            if digest:
                return name, digest.lower()
    return copy.opening.case_id, copy.media.media_id, str(copy.number)  # alike is not the same file


def _entry(case: CaseFile, copies: list[_Copy]) -> FileEntry:
    first = copies[0]
    matches = list(dict.fromkeys(_matches(copies)))
    provenance = list(dict.fromkeys(_provenance(copies)))
    outcomes = list(_outcomes(case.outcomes, copies))
    classified = [o for o in outcomes if o.classification is not None]
    submission = case.submission
    details = FileDetails(
        report_id=submission.report_id if submission else None,
        file_id=_file_id(submission, copies),
        file_viewed_by_esp=any(o.viewed_by is not None for o in outcomes),
        exif_viewed_by_esp=any(o.exif_viewed_by is not None for o in outcomes),
        file_relevance="Reported" if matches or classified else "Supplemental Reported",
        file_annotations=_annotations(copies, outcomes, provenance),
        industry_classification=classified[-1].classification if classified else None,
        original_file_hash=_hashes(first.hashes),
        additional_info=[*map(_match_words, matches), *map(_provenance_words, provenance)],
    )
    return FileEntry(
        media_id=first.media.media_id,
        media_type=first.media.media_type,
        hash_origin=first.media.hash_origin or "client_unverified",
        new=not matches,
        matches=matches,
        provenance=provenance,
        details=details,
    )


def _file_id(submission: Submission | None, copies: Iterable[_Copy]) -> str | None:
    if submission is None:
        return None
    named = (submission.file_ids.get(_name(copy)) for copy in copies)
    return next(filter(None, named), None)


def file_names(case: CaseFile) -> Mapping[str, Sequence[str]]:
    """By what a person may call a file of the case, the files that may be meant, each by the name
    under which a submission keeps its id. A media id is unique within an event only."""
    names: dict[str, dict[str, None]] = {}
    for copies in _files(case):
        kept = _name(copies[0])
        for copy in copies:
            for word in (_name(copy), copy.media.media_id):
                names.setdefault(word, {})[kept] = None
    return {word: list(of) for word, of in names.items()}


def _name(copy: _Copy) -> str:
    again = f"#{copy.number + 1}" if copy.number else ""
    return f"{copy.opening.case_id}{again}/{copy.media.media_id}"


def _matches(copies: Iterable[_Copy]) -> Iterator[FileMatch]:
    for signal in _signals(copies):
        if isinstance(signal, HashMatch) and is_ground(signal):
            yield FileMatch(
                kind="exact" if signal.algorithm in DIGESTS else "perceptual",
                algorithm=signal.algorithm,
                distance=signal.distance,
                list=signal.list,
                entry=signal.entry,
                category=signal.category,
                verified_by=signal.verified_by,
            )


def _provenance(copies: Iterable[_Copy]) -> Iterator[Provenance]:
    return (signal for signal in _signals(copies) if isinstance(signal, Provenance))


def _signals(copies: Iterable[_Copy]) -> Iterator[HashMatch | Provenance]:
    for copy in copies:
        for signal in copy.opening.decision.signals:
            if (
                isinstance(signal, HashMatch | Provenance)
                and signal.media_id == copy.media.media_id
                and (isinstance(signal, Provenance) or signal.item == copy.number)
            ):
                yield signal


def _outcomes(outcomes: Iterable[ReviewOutcome], copies: list[_Copy]) -> Iterator[ReviewOutcome]:
    about = {(c.opening.decision.decision_id, c.media.media_id) for c in copies}
    for outcome in outcomes:
        if outcome.target.kind == "media" and (outcome.decision_id, outcome.target.id) in about:
            yield outcome


def _annotations(
    copies: list[_Copy], outcomes: list[ReviewOutcome], provenance: list[Provenance]
) -> FileAnnotations | None:
    said = {annotation for outcome in outcomes for annotation in outcome.annotations}
    labels = {
        label
        for signal in _signals(copies)
        if isinstance(signal, HashMatch) and is_ground(signal)
        for label in signal.labels
    }
    accounts = {c.opening.author.id for c in copies if c.opening.kind != "user_report"}
    live = any(copy.opening.decision.surface == "live" for copy in copies)
    tags = FileAnnotations(
        potential_meme=_tag("potentialMeme" in said),
        viral=_tag("viral" in said or len(accounts) >= VIRAL_ACCOUNTS),
        possible_self_production=_tag(
            "possibleSelfProduction" in said or not SELF_PRODUCED.isdisjoint(labels)
        ),
        live_streaming=_tag("liveStreaming" in said or live),
        generative_ai=_tag("generativeAi" in said or any(map(says_generated, provenance))),
    )
    return tags if tags != FileAnnotations() else None


def _tag(holds: bool) -> Literal[True] | None:
    return True if holds else None


def _hashes(hashes: MediaHashes) -> list[FileHash]:
    return [
        FileHash(hash_type=name.upper(), value=value.lower())
        for name in ("md5", "sha1", "sha256", "pdq", "phash", "dhash")
        if (value := getattr(hashes, name))
    ]


def _match_words(match: FileMatch) -> str:
    who = f"verified by {match.verified_by}" if match.verified_by else "verified by nobody named"
    if match.kind == "exact":
        how = f"Exact match ({match.algorithm})"
    else:
        how = f"Perceptual match ({match.algorithm}, distance {match.distance})"
    return f"{how} with entry {match.entry} of list {match.list}; that original was {who}."


def _provenance_words(signal: Provenance) -> str:
    if signal.standing == "signed":
        return f"The file's signed manifest says: {signal.evidence}."
    return f"The file's own metadata claims, unsigned: {signal.evidence}."
