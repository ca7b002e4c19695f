import asyncio

import pytest

from streams.contracts.stage import StateKey, StateValue
from streams.state.memory import MemoryStore
from streams.state.store import Partition

P, Q = Partition("g", "t", 0), Partition("g", "t", 1)
CONVERSATION = StateKey("conversation", "acme/c")
SENDER = StateKey("sender", "acme/s")


def test_state_expires_after_its_last_save():
    now = 0.0

    async def scenario():
        nonlocal now
        store = MemoryStore(ttl=10, clock=lambda: now)
        p, q = await store.claim(P), await store.claim(Q)
        await store.save(P, p, 0, 1, {CONVERSATION: b"c", SENDER: b"p"})
        now = 6.0
        await store.save(Q, q, 0, 1, {SENDER: b"q"})
        now = 9.0
        await store.save(P, p, 1, 2, {CONVERSATION: b"c2"})
        now = 10.0
        state = await store.load(P, 2, [CONVERSATION, SENDER])
        assert state == {CONVERSATION: StateValue(b"c2"), SENDER: StateValue(None, (b"q",))}
        now = 19.0
        state = await store.load(P, 2, [CONVERSATION, SENDER])
        assert state == {CONVERSATION: StateValue(None), SENDER: StateValue(None)}
        assert not await store.forget(SENDER)

    asyncio.run(scenario())


def test_a_ttl_of_nothing_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        MemoryStore(ttl=0)
