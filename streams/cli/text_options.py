"""What the commands of `seawall text` share: which catalogue they use."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from matchers.language.catalogue import Catalogue, CatalogueError, load
from matchers.language.indicators import IndicatorMatcher
from streams.cli.options import fail

CatalogueOption = Annotated[
    list[Path] | None,
    typer.Option("--catalogue", help="A platform's catalogue file or folder; may be repeated."),
]
BuiltInOption = Annotated[
    bool, typer.Option("--built-in/--no-built-in", help="Use the catalogue that ships too.")
]
TrustedOption = Annotated[
    list[str] | None,
    typer.Option("--trusted", help="A language to take off trial, as `es`; may be repeated."),
]


def open_matcher(
    paths: Sequence[Path] | None, built_in: bool, trusted: Sequence[str] | None = None
) -> tuple[Catalogue, IndicatorMatcher]:
    """The catalogue that the options name, compiled; ends the command where it cannot be used."""
    try:
        catalogue = load(paths or [], built_in=built_in)
        return catalogue, IndicatorMatcher(catalogue, trusted or ())
    except CatalogueError as bad:
        fail(str(bad))
