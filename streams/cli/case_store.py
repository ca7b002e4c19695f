"""The case store of a command's options."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from streams.cases.schema import UnusableCases, unusable_cases
from streams.cases.store import CaseStore, NoSuchCase
from streams.cli.options import EXIT_DIFFERS, fail
from streams.contracts.refusal import DecodeFailure
from streams.settings import Settings

StoreOption = Annotated[
    Path | None, typer.Option("--store", help="The case store; else cases.store.")
]


@contextmanager
def open_cases(settings: Settings) -> Generator[CaseStore]:
    """The store that the settings name; none is made. What cannot be read, written or done in the
    block ends the command."""
    if settings.cases.store is None:
        fail("no case store: give --store, or set cases.store")
    path = Path(settings.cases.store)
    try:
        there = path.exists()
    except OSError as error:
        fail(f"{path}: cannot be opened: {error.strerror}")
    if not there:
        fail(f"{path}: there is no such file; seawall cases build makes it")
    try:
        with CaseStore.open(path, create=False) as opened, _damage_told(opened, path):
            yield opened
    except (sqlite3.DatabaseError, *DecodeFailure) as error:
        fail(str(unusable_cases(path, error)))
    except UnusableCases as error:
        fail(str(error))
    except NoSuchCase as error:
        fail(str(error), EXIT_DIFFERS)


@contextmanager
def _damage_told(store: CaseStore, path: Path) -> Generator[None]:
    """SQLite hands out some damaged rows as if they were sound: then Python stumbles over them."""
    try:
        yield
    except (TypeError, ValueError, IndexError) as error:
        if store.sound():
            raise
        raise unusable_cases(path, error) from error
