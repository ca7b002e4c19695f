"""Reading conversations to evaluate on: JSONL, plain or gzip, and the PAN-2012 XML.

JSONL has one message a line: `conversation_id`, `author`, `text`; optionally `language`, `at` (ms),
`age_band`, `recipient` with `recipient_age_band`, and, on one line of a conversation or the same on
several, `label` (`risk` or `benign`), `offender` (one of its authors), `pattern` and `family` (what
it was made from, or any other name by which to sum up).

PAN-2012 is the "Sexual Predator Identification" task of PAN at CLEF 2012; users bring their own
copy: the corpus XML, and the text file with the ids of the offending authors.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.etree import ElementTree

import msgspec
from msgspec import Struct

from matchers.language.catalogue import not_utf8_line
from matchers.language.state import AgeBand


class CorpusError(ValueError):
    """A corpus that cannot be read; the message says which file and where."""


class Turn(NamedTuple):
    """One message. `at` is in ms."""

    author: str
    text: str
    at: int
    age_band: AgeBand = "unknown"
    recipient: str | None = None
    recipient_age_band: AgeBand = "unknown"


class Talk(NamedTuple):
    """A conversation. `label` is `None` where nobody said; `offenders` are those of its authors
    who are known to be."""

    id: str
    turns: tuple[Turn, ...]
    language: str = ""
    label: bool | None = None
    offenders: frozenset[str] = frozenset()
    pattern: str = ""
    family: str = ""


class _Line(Struct, omit_defaults=True):
    conversation_id: str
    author: str
    text: str
    language: str = ""
    at: int | None = None
    age_band: AgeBand = "unknown"
    recipient: str | None = None
    recipient_age_band: AgeBand = "unknown"
    label: str | None = None
    offender: str | None = None
    pattern: str = ""
    family: str = ""


_decoder = msgspec.json.Decoder(_Line)
_LABELS = ("risk", "benign")
SECONDS_BETWEEN = 20
"""Assumed between two messages of a corpus that gives no times."""


def read_jsonl(path: Path) -> list[Talk]:
    """The conversations of a file, in order of their first message. Raises `CorpusError`."""
    lines: dict[str, list[tuple[int, _Line]]] = {}
    number = 0
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.strip():
                    continue
                try:
                    line = _line(raw)
                except ValueError as error:
                    raise CorpusError(f"{path}: line {number}: {error}") from error
                lines.setdefault(line.conversation_id, []).append((number, line))
    except (EOFError, zlib.error) as error:
        raise CorpusError(
            f"{path}: line {number + 1}: the compressed file is broken or cut off: {error}"
        ) from error
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror or error}") from error
    return [_talk(path, name, rows) for name, rows in lines.items()]


def _line(raw: bytes) -> _Line:
    """One line. Raises `ValueError` that says what is wrong with it."""
    try:
        line = _decoder.decode(raw)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8: save the file as UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply for a message") from None
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error
    if line.label is not None and line.label not in _LABELS:
        raise ValueError(f"label {line.label[:40]!r}: must be {' or '.join(_LABELS)}")
    return line


def _agreed(path: Path, rows: list[tuple[int, _Line]], name: str) -> tuple[int, str]:
    """What the lines that give the field say, and the first of them; 0 and `""` where none does."""
    first, agreed = 0, ""
    for number, row in rows:
        said: str | None = getattr(row, name)
        if said and not agreed:
            first, agreed = number, said
        elif said and said != agreed:
            raise CorpusError(
                f"{path}: line {number}: {name} differs from line {first} of the same "
                "conversation: write one on all of its lines"
            )
    return first, agreed


def write_jsonl(talks: Iterable[Talk], out: BinaryIO) -> None:
    """Write conversations as `read_jsonl` reads them."""
    for talk in talks:
        label = None if talk.label is None else "risk" if talk.label else "benign"
        for turn in talk.turns:
            line = _Line(
                conversation_id=talk.id,
                author=turn.author,
                text=turn.text,
                language=talk.language,
                at=turn.at,
                age_band=turn.age_band,
                recipient=turn.recipient,
                recipient_age_band=turn.recipient_age_band,
                label=label,
                offender=next(iter(sorted(talk.offenders)), None),
                pattern=talk.pattern,
                family=talk.family,
            )
            out.write(msgspec.json.encode(line) + b"\n")


def _talk(path: Path, name: str, rows: list[tuple[int, _Line]]) -> Talk:
    _, label = _agreed(path, rows, "label")
    line, offender = _agreed(path, rows, "offender")
    if offender and not any(row.author == offender for _, row in rows):
        raise CorpusError(
            f"{path}: line {line}: the offender writes no message in this conversation: name one "
            "of its authors, or leave offender out"
        )
    return Talk(
        name,
        tuple(
            Turn(
                row.author,
                row.text,
                row.at if row.at is not None else number * SECONDS_BETWEEN * 1000,
                row.age_band,
                row.recipient,
                row.recipient_age_band,
            )
            for number, (_, row) in enumerate(rows)
        ),
        rows[0][1].language,
        label == "risk" if label else None,
        frozenset((offender,)) if offender else frozenset(),
        _agreed(path, rows, "pattern")[1],
        _agreed(path, rows, "family")[1],
    )


def read_pan(corpus: Path, offenders: Path) -> Iterator[Talk]:
    """The conversations of the PAN-2012 XML; `offenders` holds one author id a line.

    A conversation is positive when an offender writes in it. Raises `CorpusError`.
    """
    try:
        known = _ids(offenders)
        with corpus.open("rb") as file:
            if b"<!ENTITY" in file.read(4096):
                raise CorpusError(f"{corpus}: declares entities, which the PAN corpus does not")
            file.seek(0)
            for _, element in ElementTree.iterparse(file):  # noqa: S314 - see above
                if element.tag == "conversation":
                    yield _pan_talk(element, known)
                    element.clear()
    except OSError as error:
        raise CorpusError(f"{error.filename}: cannot be read: {error.strerror}") from error
    except ElementTree.ParseError as error:
        raise CorpusError(f"{corpus}: not XML: {error}") from error
    except LookupError as error:
        raise CorpusError(f"{corpus}: line 1: {error}: save the file as UTF-8") from error


def _ids(file: Path) -> frozenset[str]:
    data = file.read_bytes()
    try:
        return frozenset(data.decode().split())
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{file}: line {not_utf8_line(data)}: not UTF-8: save the file as UTF-8"
        ) from error


def _pan_talk(element: ElementTree.Element, known: frozenset[str]) -> Talk:
    turns: list[Turn] = []
    for number, message in enumerate(element.iter("message")):
        author = (message.findtext("author") or "").strip()
        turns.append(Turn(author, message.findtext("text") or "", number * SECONDS_BETWEEN * 1000))
    found = frozenset(turn.author for turn in turns) & known
    return Talk(element.get("id", "?"), tuple(turns), "english", bool(found), found)
