"""The indicator catalogue: data files, one per language, and how they are read.

A file is JSON; `data/en.json` shows the form. Each indicator brings the sentences that it must
match and near misses that it must not, which `seawall text check` runs.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from matchers.language.categories import Category
from matchers.language.phrases import Spacing
from matchers.type_words import hint


class CatalogueError(ValueError):
    """A catalogue that cannot be used; the message says which file and entry, and what to do."""


class Indicator(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One indicator.

    `weight` (0–1] is how much one plain occurrence says, in the sense of
    `matchers.language.weights`. `source` names the research or guidance that the indicator comes
    from, or `translated from <English id>`. `unless_followed_by` are phrases right after which
    it means something else. `about` says whose age a statement gives, `age` which, where the
    phrase holds no number. `match` and `near_miss` are its tests.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z]+)?\.[a-z0-9_.-]+$")]
    category: Category
    phrases: Annotated[tuple[str, ...], Meta(min_length=1)]
    weight: Annotated[float, Meta(gt=0, le=1)]
    source: Annotated[str, Meta(min_length=1)]
    unless_followed_by: tuple[str, ...] = ()
    about: Literal["self", "other"] = "self"
    age: int | None = None
    match: Annotated[tuple[str, ...], Meta(min_length=1)]
    near_miss: tuple[str, ...] = ()


class Cues(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Phrases that take weight off an indicator near them: `negation` right before it,
    `reported` speech before it in its sentence, `advice` anywhere in the message, `caution` (words
    of care, as advice, though beside a plain threat and demand only right before them), `hyperbole`
    (jokes and figures of speech) anywhere and `trifle` (of an exam, of a game) right beside it in
    its clause, for self-harm only, `occasion` (surprises and presents) anywhere, for secrecy only,
    and `outing` (a trip, a match, a school play: what family and class are shown gladly) anywhere,
    for threats of exposure only. `speaker` are words that say whose words a quotation holds: where
    a language has them, a plain threat and demand in quotation marks without one is no quotation.
    """

    negation: tuple[str, ...] = ()
    reported: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    caution: tuple[str, ...] = ()
    hyperbole: tuple[str, ...] = ()
    trifle: tuple[str, ...] = ()
    speaker: tuple[str, ...] = ()
    occasion: tuple[str, ...] = ()
    outing: tuple[str, ...] = ()


class LanguageCatalogue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The indicators of one language.

    `reviewed`: maintained with the code and measured on talk in that language
    (docs/decisions/0009-what-reviewed-means.md); otherwise it ships on trial. `ages` gives
    number words (`thirteen`), `units` the words (or phrases without gaps) before which a number is
    no age, `common` the words that are in every other sentence, which are no use to search for.
    """

    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z]+)?$")]
    name: str
    reviewed: bool
    spacing: Spacing = "words"
    classes: dict[str, str] = {}
    ages: dict[str, int] = {}
    units: tuple[str, ...] = ()
    common: tuple[str, ...] = ()
    cues: Cues = Cues()
    indicators: tuple[Indicator, ...]


class Catalogue(Struct, frozen=True, kw_only=True):
    """All languages in use, and the file of each. `version` changes when any file does."""

    languages: tuple[LanguageCatalogue, ...]
    files: tuple[str, ...]
    version: str


_decoder = msgspec.json.Decoder(LanguageCatalogue)


def built_in_files() -> list[str]:
    """The names of the catalogue files that ship with Seawall."""
    folder = resources.files("matchers.language") / "data"
    return sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".json"))


def load(paths: Iterable[Path] = (), *, built_in: bool = True) -> Catalogue:
    """Read the built-in catalogue and the platform's files (or folders of `*.json`).

    Raises `CatalogueError` for a file that is not a catalogue, and for an id used twice.
    """
    sources: list[tuple[str, bytes]] = []
    if built_in:
        folder = resources.files("matchers.language") / "data"
        sources += [(name, (folder / name).read_bytes()) for name in built_in_files()]
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise CatalogueError(f"{path}: the folder holds no *.json catalogue")
        for file in files:
            try:
                sources.append((str(file), file.read_bytes()))
            except OSError as error:
                raise CatalogueError(f"{file}: cannot be read: {error.strerror}") from error
    return _assemble(sources)


def parse_language(name: str, data: bytes) -> LanguageCatalogue:
    """Decode one catalogue file; `name` is for the error message."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        meant = hint(error, LanguageCatalogue) if isinstance(error, msgspec.ValidationError) else ""
        raise CatalogueError(f"{name}: {_with_entry(error, data)}{meant}") from error
    except UnicodeDecodeError as error:
        line = not_utf8_line(data)
        raise CatalogueError(f"{name}: line {line}: not UTF-8: save the file as UTF-8") from error
    except RecursionError as error:
        raise CatalogueError(f"{name}: nested too deeply for a catalogue") from error


def not_utf8_line(data: bytes) -> int:
    """The line (from 1) of the first byte that is not UTF-8; of UTF-8, the last one."""
    end = len(data)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        end = error.start
    return data.count(b"\n", 0, end) + 1


def _with_entry(error: Exception, data: bytes) -> str:
    message = str(error)
    found = re.search(r"\$\.indicators\[(\d+)\]", message)
    if found is None:
        return message
    try:
        entry = msgspec.json.decode(data)["indicators"][int(found[1])]
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
        RecursionError,
        KeyError,
        IndexError,
        TypeError,
    ):
        return message
    return f"{message} (entry {entry.get('id', '?')!r})" if isinstance(entry, dict) else message  # pyright: ignore[reportUnknownMemberType]


def _assemble(sources: Sequence[tuple[str, bytes]]) -> Catalogue:
    languages: list[LanguageCatalogue] = []
    where: dict[str, str] = {}
    digest = hashlib.sha256()
    for name, data in sources:
        language = parse_language(name, data)
        for indicator in language.indicators:
            if indicator.id in where:
                raise CatalogueError(
                    f"{name}: id {indicator.id!r} is already used in {where[indicator.id]}"
                )
            where[indicator.id] = name
        languages.append(language)
        digest.update(data)
    if not languages:
        raise CatalogueError("no catalogue: give a path, or use the built-in one")
    return Catalogue(
        languages=tuple(languages),
        files=tuple(name for name, _ in sources),
        version=digest.hexdigest()[:12],
    )
