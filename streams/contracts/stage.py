"""What a stage is to the engine, and the engine to a stage.

A stage is synchronous and pure: no Kafka, no network, no clock. What it needs from outside (an
index, a policy, a decoder pool) is handed to it when it is made. Its results depend on each
record and the state before it alone, never on how records fall into batches, so that a replay in
other chunks computes the same: time is each envelope's `received_at`.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct

from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.contracts.values import StageName


class StateKey(NamedTuple):
    """Names a piece of state; made by `state_key`. Stores keep a keyed hash of it only."""

    scope: Literal["conversation", "sender"]
    id: str


def state_key(scope: Literal["conversation", "sender"], tenant: str, id: str) -> StateKey:
    """The key of a tenant's conversation or account. The tenant's length goes first, so that no
    two pairs of ids share a key whatever characters they hold."""
    return StateKey(scope, f"{len(tenant)}:{tenant}{id}")


class StateValue(NamedTuple):
    """`own` is what this input partition last saved. `others` is what other partitions saved
    under the same key: always empty for conversations, to be merged on read for senders.
    Conversations have one value for all partitions: `moved` says that another one saved it last,
    for the engine to count; no stage goes by it. Nor by `unreadable`: something there was damaged,
    or of a later version, and is as if it had never been."""

    own: bytes | None
    others: tuple[bytes, ...] = ()
    moved: bool = False
    unreadable: bool = False


class CaseRecord(Struct, frozen=True, kw_only=True):
    """A record for the access-controlled cases topic; `value` is JSON, `index` the place in the
    batch of the envelope that it is about."""

    index: int
    key: bytes
    value: bytes


class StageResult(NamedTuple):
    """`batch` has one envelope for each that came in, in order. `changes` are the state's new
    values (`None` removes). `decisions` is empty, or (from enforcement) one for each envelope.
    `unreadable` are keys whose value the stage could not read, and went on without."""

    batch: Sequence[Envelope]
    changes: Mapping[StateKey, bytes | None] = {}
    decisions: Sequence[Decision] = ()
    cases: Sequence[CaseRecord] = ()
    unreadable: Collection[StateKey] = ()


class Stage(Protocol):
    """One step of the pipeline."""

    @property
    def name(self) -> StageName:
        """The stage's name, which also names its topics."""
        ...

    def keys(self, batch: Sequence[Envelope]) -> Sequence[StateKey]:
        """The state that `run` will read and may change; repeats are allowed."""
        ...

    def run(self, batch: Sequence[Envelope], state: Mapping[StateKey, StateValue]) -> StageResult:
        """Do the stage's work.

        Raises `DependencyUnavailable` when something that it was handed is away for now (the
        chunk waits and is tried again); any other exception is a defect, for which the engine
        finds the one record and dead-letters it.
        """
        ...


class DependencyUnavailable(Exception):
    """Something needed is away for now: wait and try again, skip nothing."""

    def __init__(self, dependency: str, why: str) -> None:
        super().__init__(f"{dependency}: {why}")
        self.dependency = dependency
