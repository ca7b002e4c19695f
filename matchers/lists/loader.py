"""Lists from files: CSV, with TOML that says what each list is; or a compiled snapshot.

A path is a CSV (with a side file of the same name ending in `.toml`, which says what it is or is a
catalogue that names it, or none: then it is a list of one's own, of which every match is only
observed), or a TOML file that names several lists, a catalogue::

    [[list]]
    name = "sample"
    file = "sample.csv"            # beside the TOML file
    source_kind = "industry"       # hotline | victim | industry | law_enforcement | own
    verified_by = "Example Trust"
    algorithm = "pdq"              # for rows that name none
    columns = { value = "hash" }   # where the header calls things otherwise
    roles = { known = "block" }    # by category; the rest: default_role, else observe
"""

import io
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from matchers.deep_keys import MOST_PARTS, deep_key
from matchers.indexes.flat_file import UnusableFile
from matchers.lists.csv_format import RejectedRow, UnreadableList, read_csv
from matchers.lists.entry import LONGEST_OBSERVATION, Algorithm, ListEntry, ListInfo, Role
from matchers.lists.fields import check_encoding
from matchers.lists.matcher import ListMatcher, Radii
from matchers.lists.snapshot import SUFFIX, open_snapshot
from matchers.type_words import hint

_T = TypeVar("_T")


class ListFile(ListInfo, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list's table in TOML: what it is, and how to read its file."""

    # Unset, it is `observe` as well, but nobody said so. Matches are told by `info` alone.
    default_role: Role | UnsetType = UNSET  # pyright: ignore[reportIncompatibleVariableOverride]
    observe_hours: Annotated[float, Meta(ge=0, le=LONGEST_OBSERVATION)] | None = None
    file: str = ""
    algorithm: Algorithm | None = None
    columns: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])

    @property
    def info(self) -> ListInfo:
        """What the list is."""
        said = {name: getattr(self, name) for name in ListInfo.__struct_fields__}
        return ListInfo(**{name: value for name, value in said.items() if value is not UNSET})

    @property
    def default_named(self) -> bool:
        """Whether it says itself what the categories ask for that `roles` does not name."""
        return self.default_role is not UNSET


class LoadedFile(NamedTuple):
    """One list as read from its file. `default_named` as of `ListFile`."""

    info: ListInfo
    path: Path
    entries: list[ListEntry]
    rejected: list[RejectedRow]
    held: list[RejectedRow]
    unknown_columns: tuple[str, ...]
    default_named: bool


class _Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    list: tuple[ListFile, ...]


def read_lists(paths: Iterable[Path]) -> list[LoadedFile]:
    """Read every list that `paths` name.

    Raises `UnreadableList`, naming the file, where one cannot be read as a whole, or where two
    lists have one name. Bad rows are in the result.
    """
    loaded: list[LoadedFile] = []
    for path, listed in (found for given in paths for found in _listed(given)):
        if any(listed.name == other.info.name for other in loaded):
            raise UnreadableList(f"{path}: a second list with the name {listed.name!r}")
        try:
            with path.open("rb") as file:
                check_encoding(file.peek())
                lines = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
                rows = read_csv(lines, listed.name, listed.columns, listed.algorithm)
        except OSError as error:
            raise UnreadableList(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise UnreadableList(f"{path}: {error}") from error
        loaded.append(
            LoadedFile(
                listed.info,
                path,
                rows.entries,
                rows.rejected,
                rows.held,
                rows.unknown_columns,
                listed.default_named,
            )
        )
    return loaded


def load_matcher(
    paths: Sequence[Path],
    *,
    loaded_at: datetime,
    radii: Radii | None = None,
    on_read: Callable[[LoadedFile], None] | None = None,
) -> ListMatcher:
    """A matcher of every list that `paths` name, or of one compiled snapshot.

    `on_read` hears of each list file, with the rows that did not go in. Raises as `read_lists`,
    and for a snapshot that is unusable or not alone.
    """
    if any(path.suffix == SUFFIX for path in paths):
        if len(paths) > 1:
            raise UnreadableList(f"{paths[0]}: a snapshot holds all lists; give it alone")
        try:
            return open_snapshot(paths[0], loaded_at=loaded_at, radii=radii)
        except UnusableFile as error:
            raise UnreadableList(str(error)) from error
        except OSError as error:
            raise UnreadableList(f"{paths[0]}: {error.strerror}") from error
    loaded = read_lists(paths)
    if on_read is not None:
        for file in loaded:
            on_read(file)
    return ListMatcher(
        {file.info.name: file.info for file in loaded},
        (entry for file in loaded for entry in file.entries),
        loaded_at=loaded_at,
        radii=radii,
    )


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Every file whose change changes the lists: those given, and those that they name."""
    found: list[Path] = []
    for given in paths:
        found.append(given)
        if given.suffix == ".toml":
            found += [path for path, _ in _listed(given)]
        elif given.suffix != SUFFIX:
            found.append(given.with_suffix(".toml"))
    return found


def read_toml(path: Path) -> Mapping[str, Any]:
    """What a TOML file about lists says. Raises `UnreadableList`, naming the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableList(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableList(f"{path}: not TOML: {error}") from error
    if (deep := deep_key(text)) is not None:
        raise UnreadableList(f"{path}: line {deep}: a key has more than {MOST_PARTS} parts")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise UnreadableList(f"{path}: nested too deeply for any list") from None
    except ValueError as error:  # TOML's own errors are of these
        raise UnreadableList(f"{path}: not TOML: {error}") from error


def _listed(given: Path) -> list[tuple[Path, ListFile]]:
    """The CSV files that a path names, with what each list is."""
    if given.suffix != ".toml":
        side = given.with_suffix(".toml")
        if not side.exists():
            return [(given, ListFile(name=given.stem))]
        said = read_toml(side)
        if "list" not in said:
            return [(given, _convert({"name": given.stem, **said}, ListFile, side))]
        named = [(path, listed) for path, listed in _catalogued(side, said) if path == given]
        if not named:
            raise UnreadableList(
                f"{side}: says what {given.name} is, by its name, but is a catalogue that does not "
                "name it: rename one of the two"
            )
        return named
    return _catalogued(given, read_toml(given))


def _catalogued(path: Path, said: Mapping[str, Any]) -> list[tuple[Path, ListFile]]:
    catalogue = _convert(said, _Catalogue, path)
    for listed in catalogue.list:
        if not listed.file:
            raise UnreadableList(f"{path}: list {listed.name!r} names no file")
    return [(path.parent / listed.file, listed) for listed in catalogue.list]


def _convert(table: object, kind: type[_T], path: Path) -> _T:
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise UnreadableList(f"{path}: {error}{hint(error, kind)}") from error
