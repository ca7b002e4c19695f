"""The librarian's catalogue: a TOML file that says what each list is and where it comes from::

[[list]]
name = "hotline"
format = "ncmec"                 # csv | ncmec | stopncii | signals | vics | vpdq | urls
source_kind = "hotline"
verified_by = "Example Hotline"
roles = { A1 = "block" }
[list.source]                    # or file = "hotline.csv", beside this file
url = "https://hotline.example/hashsharing"
username = "us"
password_file = "/run/secrets/hotline"
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from matchers.lists.csv_format import UnreadableList
from matchers.lists.formats.registry import FormatName
from matchers.lists.loader import ListFile, read_toml
from matchers.type_words import hint


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a list is fetched from, over HTTP. Secrets stand in files: the password, and the
    values of `header_files`."""

    url: Annotated[str, Meta(pattern="^https?://")]
    username: str = ""
    password_file: str = ""
    header_files: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    page_size: Annotated[int, Meta(ge=1)] = 800
    timeout_seconds: Annotated[float, Meta(gt=0)] = 60.0


class CataloguedList(ListFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a list is, how it is written, and where it comes from: a source, else a file, else by
    hand."""

    format: FormatName = "csv"
    source: Source | None = None


class _Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    list: tuple[CataloguedList, ...]


def read_catalogue(path: Path) -> tuple[CataloguedList, ...]:
    """The lists of a catalogue. Raises `UnreadableList`, naming the file."""
    try:
        catalogue = msgspec.convert(read_toml(path), _Catalogue)
    except msgspec.ValidationError as error:
        raise UnreadableList(f"{path}: {error}{hint(error, _Catalogue)}") from error
    names = [listed.name for listed in catalogue.list]
    for name in names:
        if names.count(name) > 1:
            raise UnreadableList(f"{path}: two lists with the name {name!r}")
    return catalogue.list
