"""`seawall state …`: the state of conversations and senders."""

import asyncio
from enum import StrEnum
from typing import Annotated, NoReturn

import msgspec
import typer

from streams.contracts.stage import DependencyUnavailable, StateKey
from streams.state.names import state_key
from streams.state.open import BadStateUrl, open_store

app = typer.Typer(no_args_is_help=True, help="The state of conversations and senders.")


class Scope(StrEnum):
    """What state is kept of."""

    conversation = "conversation"
    sender = "sender"


@app.callback()
def group() -> None:
    """The state of conversations and senders."""


@app.command()
def forget(
    scope: Annotated[Scope, typer.Argument(help="What the id names.")],
    tenant: Annotated[str, typer.Argument(help="The tenant, as in its events.")],
    id: Annotated[str, typer.Argument(help="The conversation's or the account's id.")],
    state_url: Annotated[
        str, typer.Option(envvar="SEAWALL_STATE_URL", help="The store, e.g. valkey://host:6379.")
    ],
    hmac_key: Annotated[
        str,
        typer.Option(
            envvar="SEAWALL_STATE_HMAC_KEY", help="The workers' key; better by the environment."
        ),
    ],
    previous_hmac_key: Annotated[
        str | None,
        typer.Option(
            envvar="SEAWALL_STATE_PREVIOUS_HMAC_KEY", help="The key before, during a change."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Remove all state of one conversation or sender, in every version and under both keys.

    Example: seawall state forget sender acme account-17

    Exit codes: 0 it is gone (or there was none), 1 the store cannot be reached, 2 bad usage.
    """
    if state_url.startswith("memory:"):
        _fail("memory:// is inside a worker; it is forgotten when the worker ends", 2)
    try:
        removed = asyncio.run(
            _forget(state_url, hmac_key, previous_hmac_key, state_key(scope.value, tenant, id))
        )
    except (BadStateUrl, ValueError) as error:
        _fail(str(error), 2)
    except DependencyUnavailable as error:
        _fail(str(error), 1)
    if as_json:
        typer.echo(msgspec.json.encode({"scope": scope.value, "removed": removed}).decode())
    else:
        typer.echo(f"{scope.value}: state removed" if removed else f"{scope.value}: no state")


async def _forget(url: str, hmac_key: str, previous: str | None, key: StateKey) -> bool:
    store = open_store(url, hmac_key.encode(), previous.encode() if previous else None)
    try:
        return await store.forget(key)
    finally:
        await store.close()


def _fail(message: str, code: int) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)
