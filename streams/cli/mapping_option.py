"""The mapping through which a command reads a platform's own JSON."""

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import fail
from streams.contracts.mapping import EventMapping
from streams.contracts.mapping_file import MappingError, load_mapping

MappingOption = Annotated[
    Path | None,
    typer.Option("--mapping", metavar="FILE", help="Mapping file (TOML) for a platform's JSON."),
]


def loaded_mapping(path: Path | None) -> EventMapping | None:
    """The mapping of a file, if one is named; ends the command when it cannot be used."""
    if path is None:
        return None
    try:
        return load_mapping(path)
    except MappingError as error:
        fail(str(error))
