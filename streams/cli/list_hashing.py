"""`seawall lists hash`: a list of one's own pictures, such as templates and default avatars."""

import csv
import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from msgspec.structs import replace
from rich.console import Console
from rich.progress import track

from matchers.hashing.digests import digests
from matchers.hashing.outcome import STANDING_TRACKS, HashResult
from matchers.lists.degenerate import degenerate
from matchers.lists.entry import FRAME_QUALITY, Algorithm
from matchers.lists.fields import checked_category, checked_id
from streams.cli.options import (
    EXIT_DIFFERS,
    ConfigOption,
    fail,
    loaded_settings,
    print_json,
)
from streams.cli.tables import visible
from streams.exits import NotUsable
from streams.settings import MediaSettings

COLUMNS = ("id", "algorithm", "value", "quality", "category")
ID_DIGITS = 16
"""Hexadecimal digits of its SHA-256 that are a file's id where none is given: the same file has the
same one in every run, and its name is told to nobody."""


class Hash(NamedTuple):
    """One hash of a file; `quality` is PDQ's, 0–100."""

    algorithm: Algorithm
    value: str
    quality: int | None = None


class Hashed(NamedTuple):
    """What came of a file: `faults` say why some hashes are missing, `notes` which will be held."""

    hashes: list[Hash]
    faults: list[str]
    notes: list[str]


def add_to(app: typer.Typer) -> None:
    """Make this command part of `seawall lists`."""
    app.command("hash")(hash_files)


def hash_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Pictures.", show_default=False)
    ],
    name: Annotated[
        str,
        typer.Option(
            "--id",
            metavar="NAME",
            help="Ids are NAME-1, NAME-2 and so on; else they begin the files' SHA-256.",
            show_default=False,
        ),
    ] = "",
    category: Annotated[
        str, typer.Option("--category", help="The entries' category: a list gives it its role.")
    ] = "",
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of CSV.")] = False,
) -> None:
    """Print the hashes of your own pictures as a list in CSV, ready to be imported: SHA-256, PDQ
    with its quality, and pHash; vPDQ of videos and animations. No file's name is in it.

    Files are decoded as workers do it, within the limits of the settings.

    Example: seawall lists hash memes/*.png --category benign > benign.csv

    Exit codes: 0 all are hashed, 1 some are not, or only in part (the rest is printed), 2 the
    settings or options cannot be used.
    """
    media = loaded_settings(config).settings.media
    try:
        checked_id(f"{name}-{len(files)}")
        checked_category(category)
    except ValueError as error:
        fail(str(error))
    rows: dict[tuple[str, Hash], None] = {}
    told: list[dict[str, object]] = []
    incomplete = False
    for number, (file, hashed) in enumerate(_hashed(files, media), 1):
        incomplete = incomplete or bool(hashed.faults)
        for why in (*hashed.faults, *hashed.notes):
            told.append({"file": number, "why": why})
            if not as_json:
                typer.echo(visible(f"{file}: {why}"), err=True)
        for each in hashed.hashes:
            id = f"{name}-{number}" if name else hashed.hashes[0].value[:ID_DIGITS]
            rows[id, each] = None
    if as_json:
        entries = [{"id": id, **each._asdict(), "category": category} for id, each in rows]
        print_json({"entries": entries, "notes": told})
    else:
        sys.stdout.write(_csv(list(rows), category))
    raise typer.Exit(EXIT_DIFFERS if incomplete else 0)


def _hashed(files: Sequence[Path], media: MediaSettings) -> Iterator[tuple[Path, Hashed]]:
    # What decodes takes a second to import: not for `--help`.
    from matchers.hashing.decoder import DecoderNotStarted
    from matchers.hashing.decoder_pool import MediaSource
    from streams.parts import open_pool

    one = replace(media, decoders=1, uri_prefixes=(), variants=(), c2pa_trust_anchors=None)
    try:
        with open_pool(one) as pool:
            errors = Console(stderr=True)
            for file in track(files, "hashing", console=errors, disable=not errors.is_terminal):
                try:
                    with file.open("rb") as opened:
                        content = opened.read(media.max_bytes + 1)
                        if len(content) > media.max_bytes:
                            opened.seek(0)
                            yield file, _too_large(digests(opened).sha256, media)
                            continue
                except OSError as error:
                    yield file, Hashed([], [f"cannot be read: {error.strerror}"], [])
                    continue
                (found,) = pool.hash_many([MediaSource(content)])
                yield file, _hashes(found, digests(content).sha256)
    except (NotUsable, DecoderNotStarted) as error:
        fail(str(error))


def _too_large(sha256: str, media: MediaSettings) -> Hashed:
    why = f"has more than {media.max_bytes} bytes (media.max_bytes): its SHA-256 alone is listed"
    return Hashed([Hash("sha256", sha256)], [why], [])


def _hashes(found: HashResult, sha256: str) -> Hashed:
    hashes = [Hash("sha256", sha256)]
    faults: list[str] = []
    if found.still is not None:
        hashes.append(Hash("pdq", found.still.pdq, found.still.quality))
        hashes.append(Hash("phash", found.still.phash))
    tracks: dict[int, str] = {}
    for frame in found.frames:
        if frame.quality >= FRAME_QUALITY and frame.track < STANDING_TRACKS:
            tracks[frame.track] = tracks.get(frame.track, "") + frame.pdq
    hashes += [Hash("vpdq", frames) for frames in tracks.values()]
    if found.error is not None:
        faults.append(f"not decoded, or not wholly: {found.error}")
    elif len(hashes) == 1:
        faults.append(
            "neither a picture nor a video that can be hashed: its SHA-256 alone is listed"
        )
    notes = [
        f"{each.algorithm}: {why}; an import holds it until it is approved"
        for each in hashes
        if (why := degenerate(each.algorithm, each.value, each.quality)) is not None
    ]
    return Hashed(hashes, faults, notes)


def _csv(rows: Sequence[tuple[str, Hash]], category: str) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for id, (algorithm, value, quality) in rows:
        table.writerow((id, algorithm, value, "" if quality is None else quality, category))
    return text.getvalue()
