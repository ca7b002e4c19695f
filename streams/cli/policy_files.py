"""Policy files as the commands of `seawall policy` read them."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from streams.cli.options import fail
from streams.cli.tables import visible
from streams.policy.file import PolicyFile
from streams.policy.load import PolicyError, parse_policy_file, policy_of, read_policy
from streams.policy.policy import Policy
from streams.settings import Settings

EXIT_REFUSED = 1

PolicyPath = Annotated[
    Path, typer.Argument(help="The policy file (TOML).", exists=True, dir_okay=False)
]


def read(path: Path, known_lists: Collection[str] | None = None) -> tuple[str, PolicyFile, Policy]:
    """A policy file's text, content and policy. Raises `PolicyError`."""
    text = read_policy(path)
    file = parse_policy_file(text, str(path), known_lists)
    return text, file, policy_of(file, text)


def read_or_fail(
    path: Path, known_lists: Collection[str] | None = None
) -> tuple[str, PolicyFile, Policy]:
    """The same; ends the command with exit code 1 when the file cannot be used."""
    try:
        return read(path, known_lists)
    except PolicyError as error:
        fail_refused(error)


def fail_refused(error: PolicyError) -> NoReturn:
    """Say why a policy cannot be used, and where, and end the command with exit code 1."""
    fail("\n".join((visible(str(error)), *error.excerpt.splitlines())), EXIT_REFUSED)


def known_lists(settings: Settings) -> Collection[str] | None:
    """The names of the lists that the settings name, `None` where they name none. Ends the
    command when the lists cannot be read."""
    from matchers.lists.csv_format import UnreadableList
    from matchers.lists.librarian.schema import UnusableStore
    from matchers.lists.librarian.store import ListStore
    from matchers.lists.loader import load_matcher

    lists = settings.lists
    try:
        if lists.store is not None:
            if not Path(lists.store).exists():
                fail(f"lists.store: {lists.store}: there is no such file; seawall lists makes it")
            with ListStore.open(Path(lists.store)) as store:
                return set(store.infos())
        if lists.files:
            files = [Path(file) for file in lists.files]
            return set(load_matcher(files, loaded_at=datetime.now(UTC)).infos)
    except UnusableStore as error:
        fail(f"lists.store: {error}")
    except UnreadableList as error:
        fail(f"lists: {error}")
    return None
