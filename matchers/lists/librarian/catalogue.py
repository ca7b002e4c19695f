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

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from matchers.lists.csv_format import UnreadableList
from matchers.lists.formats.feed import Feed
from matchers.lists.formats.registry import FormatName, read_feed
from matchers.lists.loader import ListFile


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
    """What a list is, how it is written, and where it comes from: a file, a source, or by hand."""

    format: FormatName = "csv"
    source: Source | None = None


class _Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    list: tuple[CataloguedList, ...]


def read_catalogue(path: Path) -> tuple[CataloguedList, ...]:
    """The lists of a catalogue. Raises `UnreadableList`, naming the file."""
    try:
        catalogue = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Catalogue)
    except OSError as error:
        raise UnreadableList(f"{path}: {error.strerror}") from error
    except msgspec.ValidationError as error:
        raise UnreadableList(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:  # TOML's own errors are of the former
        raise UnreadableList(f"{path}: not TOML: {error}") from error
    names = [listed.name for listed in catalogue.list]
    for name in names:
        if names.count(name) > 1:
            raise UnreadableList(f"{path}: two lists with the name {name!r}")
    return catalogue.list


def read_list_file(path: Path, listed: CataloguedList) -> Feed:
    """What a list's file says. Raises `UnreadableList`, naming the file."""
    try:
        return read_feed(
            path.read_bytes(),
            listed.format,
            listed.name,
            columns=listed.columns,
            algorithm=listed.algorithm,
        )
    except OSError as error:
        raise UnreadableList(f"{path}: {error.strerror}") from error
    except UnreadableList as error:
        raise UnreadableList(f"{path}: {error}") from error
