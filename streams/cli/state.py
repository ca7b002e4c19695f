"""`seawall state …`: the state of conversations and senders."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from streams.cli.options import (
    ConfigOption,
    JsonOption,
    SetOption,
    fail,
    loaded_settings,
    print_json,
)
from streams.contracts.stage import DependencyUnavailable, StateKey, state_key
from streams.secret import Secret
from streams.settings import StateSettings
from streams.state.open import open_store

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
    config: ConfigOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove all state of one conversation or sender, in every version and under both keys.

    It takes the workers' own settings, of which it needs the section `state`.

    Example: seawall state forget sender acme account-17

    Exit codes: 0 it is gone (or there was none), 2 the settings cannot be used, or the store
    cannot be reached.
    """
    state = loaded_settings(config, None, assignments).settings.state
    if state.url.startswith("memory:") or state.hmac_key is None:
        fail("state.url is memory://: state inside a worker ends with the worker")
    try:
        removed = asyncio.run(_forget(state, state.hmac_key, state_key(scope.value, tenant, id)))
    except (ValueError, DependencyUnavailable) as error:
        fail(str(error))
    if as_json:
        print_json({"scope": scope.value, "removed": removed})
    else:
        typer.echo(f"{scope.value}: state removed" if removed else f"{scope.value}: no state")


async def _forget(state: StateSettings, hmac_key: Secret, key: StateKey) -> bool:
    previous = state.hmac_previous_key.reveal().encode() if state.hmac_previous_key else None
    store = open_store(state.url, hmac_key.reveal().encode(), previous, state.ttl_days * 86_400)
    try:
        return await store.forget(key)
    finally:
        await store.close()
