"""What a long-running command says: each line with its time, as the workers' logs have it."""

import time

import typer


def say(what: str) -> None:
    """A line on standard output."""
    typer.echo(_stamped(what))


def complain(what: str) -> None:
    """A line on standard error."""
    typer.echo(_stamped(what), err=True)


def _stamped(what: str) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {what}"
