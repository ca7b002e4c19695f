"""What both stores promise: the same tests, run against each."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.contracts.stage import StateKey, StateValue
from streams.state.memory import MemoryStore
from streams.state.open import open_store
from streams.state.store import Fenced
from tests.integration.state.histories import PARTITIONS, Record, Step, fresh_key, logs, play, steps

P, Q, _ = PARTITIONS
CONVERSATION = StateKey("conversation", "acme/c1")
SENDER = StateKey("sender", "acme/u1")


def test_a_missing_key_is_none(store, run):
    async def scenario():
        assert await store.load(P, 0, []) == {}
        assert await store.load(P, 0, [CONVERSATION, SENDER, SENDER]) == {
            CONVERSATION: StateValue(None),
            SENDER: StateValue(None),
        }

    run(scenario())


def test_a_replay_starts_from_the_state_before_its_chunk(store, run):
    async def scenario():
        fence = await store.claim(P)
        await store.save(P, fence, 0, 10, {CONVERSATION: b"ten"})
        await store.save(P, fence, 10, 20, {CONVERSATION: b"twenty"})
        assert (await store.load(P, 10, [CONVERSATION]))[CONVERSATION].own == b"ten"
        assert (await store.load(P, 20, [CONVERSATION]))[CONVERSATION].own == b"twenty"
        await store.save(P, fence, 10, 15, {CONVERSATION: b"fifteen"})
        assert (await store.load(P, 10, [CONVERSATION]))[CONVERSATION].own == b"ten"
        assert (await store.load(P, 15, [CONVERSATION]))[CONVERSATION].own == b"fifteen"

    run(scenario())


def test_a_repeated_save_keeps_the_version_before(store, run):
    async def scenario():
        fence = await store.claim(P)
        await store.save(P, fence, 0, 10, {CONVERSATION: b"ten", SENDER: b"ten"})
        for _ in range(3):
            await store.save(P, fence, 10, 20, {CONVERSATION: b"twenty", SENDER: b"twenty"})
        state = await store.load(P, 10, [CONVERSATION, SENDER])
        assert [value.own for value in state.values()] == [b"ten", b"ten"]

    run(scenario())


def test_removal_can_be_replayed(store, run):
    async def scenario():
        fence = await store.claim(P)
        for key in (CONVERSATION, SENDER):
            await store.save(P, fence, 0, 10, {key: b"ten"})
            await store.save(P, fence, 10, 20, {key: None})
            assert (await store.load(P, 20, [key]))[key].own is None
            assert (await store.load(P, 10, [key]))[key].own == b"ten"

    run(scenario())


def test_a_conversation_follows_its_group_from_fused_to_split(store, run):
    split = P._replace(group="pipeline.split", topic="content.matched")

    async def scenario():
        await store.save(P, await store.claim(P), 0, 500, {CONVERSATION: b"fused"})
        assert (await store.load(split, 3, [CONVERSATION]))[CONVERSATION].own == b"fused"
        await store.save(split, await store.claim(split), 3, 9, {CONVERSATION: b"split"})
        assert (await store.load(split, 3, [CONVERSATION]))[CONVERSATION].own == b"fused"
        assert (await store.load(split, 9, [CONVERSATION]))[CONVERSATION].own == b"split"

    run(scenario())


def test_a_conversation_that_another_partition_wrote_last_is_told(store, run):
    async def scenario():
        async def moved(partition, committed):
            state = await store.load(partition, committed, [CONVERSATION, SENDER])
            assert not state[SENDER].moved
            return state[CONVERSATION].moved

        p, q = await store.claim(P), await store.claim(Q)
        assert not await moved(P, 0)
        await store.save(P, p, 0, 5, {CONVERSATION: b"P", SENDER: b"P"})
        assert not await moved(P, 5)
        assert await moved(Q, 0)
        await store.save(Q, q, 0, 9, {CONVERSATION: b"Q"})
        assert await moved(Q, 0), "replayed from what P had written"
        assert not await moved(Q, 9)
        assert await moved(P, 5)
        await store.save(Q, q, 9, 10, {CONVERSATION: None})
        assert not await moved(P, 5), "what was removed is no conversation's"

    run(scenario())


def test_a_sender_is_kept_by_partition(store, run):
    async def scenario():
        await store.save(P, await store.claim(P), 0, 5, {SENDER: b"from P"})
        await store.save(Q, await store.claim(Q), 0, 7, {SENDER: b"from Q"})
        assert (await store.load(P, 5, [SENDER]))[SENDER] == StateValue(b"from P", (b"from Q",))
        assert (await store.load(Q, 0, [SENDER]))[SENDER] == StateValue(None, (b"from P",))

    run(scenario())


def test_an_old_owner_is_fenced_and_writes_nothing(store, run):
    async def scenario():
        old = await store.claim(P)
        await store.save(P, old, 0, 5, {CONVERSATION: b"old"})
        new = await store.claim(P)
        assert new > old
        for changes in ({CONVERSATION: b"zombie"}, {}):
            with pytest.raises(Fenced):
                await store.save(P, old, 5, 9, changes)
        other = await store.claim(Q)
        await store.save(Q, other, 0, 1, {SENDER: b"unaffected"})
        await store.save(P, new, 5, 6, {SENDER: b"new"})
        state = await store.load(P, 6, [CONVERSATION, SENDER])
        assert state[CONVERSATION].own == b"old"
        assert state[SENDER].own == b"new"

    run(scenario())


def test_forget_removes_every_version(store, run):
    async def scenario():
        for partition in (P, Q):
            fence = await store.claim(partition)
            await store.save(partition, fence, 0, 5, {SENDER: b"5", CONVERSATION: b"5"})
            await store.save(partition, fence, 5, 9, {SENDER: b"9", CONVERSATION: b"9"})
        for key in (SENDER, CONVERSATION):
            assert await store.forget(key)
            assert not await store.forget(key)
            for committed in (5, 9):
                assert (await store.load(P, committed, [key]))[key] == StateValue(None)

    run(scenario())


def test_what_was_forgotten_stays_out_of_the_next_version(store, run):
    async def scenario():
        fence = await store.claim(P)
        await store.save(P, fence, 0, 5, {CONVERSATION: b"5"})
        await store.load(P, 5, [CONVERSATION])
        await store.forget(CONVERSATION)
        await store.save(P, fence, 5, 9, {CONVERSATION: b"9"})
        assert (await store.load(P, 5, [CONVERSATION]))[CONVERSATION].own is None

    run(scenario())


def test_a_large_chunk(store, run):
    keys = [
        StateKey(scope, f"acme/{n}") for n in range(700) for scope in ("conversation", "sender")
    ]

    async def scenario():
        fence = await store.claim(P)
        await store.save(P, fence, 0, 9, {key: key.id.encode() * 9 for key in keys})
        state = await store.load(P, 9, keys)
        assert list(state) == keys
        assert all(state[key].own == key.id.encode() * 9 for key in keys)

    run(scenario())


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    logs=logs(), history=steps, kind=st.sampled_from(["memory", "valkey", "valkey, key changed"])
)
def test_every_load_is_the_fold_of_what_was_committed(
    state_url, loop, logs: list[list[Record]], history: list[Step], kind: str
):
    async def scenario():
        key = fresh_key()
        store = MemoryStore(ttl=60) if kind == "memory" else open_store(state_url, key)
        then = open_store(state_url, fresh_key(), key) if "changed" in kind else None
        await play(store, logs, history, then)
        await store.close()
        if then:
            await then.close()

    loop.run_until_complete(scenario())
