"""Random histories of chunks, crashes and owners, and a model of what a store must show."""

import itertools
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from hypothesis import strategies as st

from streams.contracts.stage import StateKey, StateValue
from streams.state.store import Fenced, Partition, StateStore
from streams.state.versions import owner_tag

PARTITIONS = [Partition("pipeline.text-risk", "content.events", n) for n in range(3)]
SENDERS = [StateKey("sender", f"acme/{name}") for name in "uv"]

_numbers = itertools.count(1)

Ending = Literal[
    "commit", "crash", "crash in the save", "crash in the commit", "save again, then commit"
]


def fresh_key() -> bytes:
    """An HMAC key that no other test uses: it makes a name space of its own."""
    return f"key of test number {next(_numbers):012d}".encode()


class Record(NamedTuple):
    """One record of a partition's log: the state that it changes, and whether it removes it."""

    keys: tuple[StateKey, ...]
    removes: bool


class Step(NamedTuple):
    partition: int
    size: int
    ending: Ending
    zombie: bool


def conversations(partition: int) -> list[StateKey]:
    return [StateKey("conversation", f"acme/{partition}-{n}") for n in range(2)]


@st.composite
def logs(draw: st.DrawFn) -> list[list[Record]]:
    """A log for each partition. Conversations keep to one, senders write to all."""
    return [
        draw(
            st.lists(
                st.builds(
                    Record,
                    st.lists(
                        st.sampled_from(conversations(p) + SENDERS),
                        min_size=1,
                        max_size=3,
                        unique=True,
                    ).map(tuple),
                    st.sampled_from([False, False, False, True]),
                ),
                min_size=8,
                max_size=15,
            )
        )
        for p in range(len(PARTITIONS))
    ]


steps = st.lists(
    st.builds(
        Step,
        st.integers(0, len(PARTITIONS) - 1),
        st.integers(1, 4),
        st.sampled_from(Ending.__args__),
        st.booleans(),
    ),
    min_size=10,
    max_size=30,
)


def apply(record: Record, offset: int, before: bytes | None) -> bytes | None:
    """The state after a record: a trace of all the records that made it."""
    return None if record.removes else (before or b"") + f"<{offset}>".encode()


@dataclass
class Model:
    """What stands in the logs, what is committed, and what was last written."""

    logs: list[list[Record]]
    committed: list[int] = field(default_factory=lambda: [0] * len(PARTITIONS))
    written: dict[tuple[int, StateKey], bytes | None] = field(default_factory=dict)

    def value(self, partition: int, key: StateKey) -> StateValue:
        own = None
        for offset, record in enumerate(self.logs[partition][: self.committed[partition]]):
            if key in record.keys:
                own = apply(record, offset, own)
        others = [
            (owner_tag(PARTITIONS[q]), value)
            for q in range(len(PARTITIONS))
            if q != partition and (value := self.written.get((q, key))) is not None
        ]
        return StateValue(own, tuple(value for _, value in sorted(others)))


async def play(
    store: StateStore, logs: list[list[Record]], history: list[Step], then: StateStore | None = None
) -> None:
    """Play a history on a store, comparing each load with the model. With `then`, all workers
    start anew on that one after the first crash."""
    model = Model(logs)
    fences = [await store.claim(p) for p in PARTITIONS]
    old_fences: list[int | None] = [None] * len(PARTITIONS)
    for step in history:
        p = step.partition
        partition, committed = PARTITIONS[p], model.committed[p]
        chunk = logs[p][committed : committed + step.size]
        if not chunk:
            continue
        keys = [key for record in chunk for key in record.keys]
        state = await store.load(partition, committed, keys)
        assert state == {key: model.value(p, key) for key in keys}
        changes: dict[StateKey, bytes | None] = {}
        for offset, record in enumerate(chunk, committed):
            for key in record.keys:
                before = changes[key] if key in changes else state[key].own
                changes[key] = apply(record, offset, before)
        after = committed + len(chunk)
        zombie_fence = old_fences[p]
        if step.zombie and zombie_fence is not None:
            try:
                await store.save(
                    partition, zombie_fence, committed, after, dict.fromkeys(changes, b"zombie")
                )
            except Fenced:
                pass
            else:
                raise AssertionError("a zombie's write was accepted")
        if step.ending == "crash in the save":
            changes = dict(itertools.islice(changes.items(), len(changes) // 2))
        await store.save(partition, fences[p], committed, after, changes)
        model.written.update({(p, key): value for key, value in changes.items()})
        if step.ending == "save again, then commit":
            await store.save(partition, fences[p], committed, after, changes)
        if step.ending not in ("crash", "crash in the save"):
            model.committed[p] = after
        if step.ending.startswith("crash"):
            old_fences[p], fences[p] = fences[p], await store.claim(partition)
            if then is not None:
                store, then = then, None
                fences = [await store.claim(each) for each in PARTITIONS]
    for p, partition in enumerate(PARTITIONS):
        keys = conversations(p) + SENDERS
        state = await store.load(partition, model.committed[p], keys)
        assert state == {key: model.value(p, key) for key in keys}
