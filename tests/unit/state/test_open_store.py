import asyncio

import pytest

from streams.contracts.stage import StateKey
from streams.state.memory import MemoryStore
from streams.state.names import StateNames
from streams.state.open import BadStateUrl, open_store
from streams.state.valkey import ValkeyStore

KEY = b"0123456789abcdef"


def test_the_scheme_names_the_store():
    assert isinstance(open_store("memory://", KEY), MemoryStore)
    for url in ("valkey://h:1", "redis://h", "valkeys://h:1/3", "rediss://u:p@h", "unix:///s"):
        store = open_store(url, KEY)
        assert isinstance(store, ValkeyStore)
        asyncio.run(store.close())


@pytest.mark.parametrize(
    "url",
    ["", "localhost:6379", "http://h", "valkey://:secret@h:port", "valkey://:secret@h?db=many"],
)
def test_a_bad_address_is_refused_without_its_password(url):
    with pytest.raises(BadStateUrl) as failure:
        open_store(url, KEY)
    assert "secret" not in str(failure.value)


def test_a_short_key_is_refused():
    with pytest.raises(ValueError, match="at least 16"):
        open_store("valkey://h", b"short")


def test_names_depend_on_key_scope_and_id():
    names = {
        StateNames(secret).name(StateKey(scope, id))
        for secret in (KEY, b"fedcba9876543210")
        for scope in ("conversation", "sender")
        for id in ("acme/1", "acme/2")
    }
    assert len(names) == 8
    assert all(len(name) == 21 for name in names)
