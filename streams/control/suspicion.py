"""Notices listed hashes that match a large share of what people send, and asks the librarian to
flag them (docs/decisions/0010-flagged-hashes.md)."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol, cast

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from matchers.lists.entry import FLAGGED, PERCEPTUAL
from streams.canary.probes import TENANT as CANARY_TENANT
from streams.contracts.envelope import Envelope
from streams.contracts.signal import HashMatch
from streams.contracts.values import Algorithm
from streams.control.requests import EntrySuspected, request_record

log = logging.getLogger(__name__)

WINDOW = 10_000
"""Media items after which counting begins anew: a share of fewer says little."""
MAX_ITEMS = 1_000
"""Items counted at a time."""
RETRY_SECONDS = 5.0


class _Item(NamedTuple):
    list: str
    id: str
    algorithm: Algorithm


class MatchShares:
    """Counts, over the last media items that were looked at, how many people sent something that
    a listed item matches perceptually.

    People, not media: who sends one picture a thousand times must not weaken its entry. Memory is
    bounded as by J. Misra and D. Gries, "Finding repeated elements" (1982): when there is no room
    for another item, each counted one loses a person, so that an item that is matched by more
    than a thousandth of all is never lost, and none is counted too high.
    """

    def __init__(self, share: float) -> None:
        """`share` (above 0, up to 1) of `WINDOW` media items is suspicious."""
        self._enough = max(1, round(share * WINDOW))
        self._looked_at = 0
        self._people: dict[_Item, set[int]] = {}

    def count(self, envelopes: Iterable[Envelope]) -> list[EntrySuspected]:
        """Take in what was matched; the items that became suspicious by it."""
        found: list[EntrySuspected] = []
        for envelope in envelopes:
            event = envelope.event
            if not event.media or "hash" not in envelope.scans_performed:
                continue
            if event.tenant == CANARY_TENANT:
                continue  # its one picture comes every minute, from people of its own
            self._looked_at += len(event.media)
            for signal in envelope.signals:
                if (
                    isinstance(signal, HashMatch)
                    and signal.algorithm in PERCEPTUAL
                    and signal.role != "allow"
                    and FLAGGED not in signal.labels
                ):
                    item = _Item(signal.list, signal.entry, signal.algorithm)
                    if self._add(item, hash((event.tenant, event.author.id))):
                        found.append(
                            EntrySuspected(
                                **item._asdict(),
                                matches=self._enough,
                                looked_at=self._looked_at,
                            )
                        )
            if self._looked_at >= WINDOW:
                self._looked_at = 0
                self._people.clear()
        return found

    def _add(self, item: _Item, person: int) -> bool:
        people = self._people.get(item)
        if people is None:
            if len(self._people) >= MAX_ITEMS:
                self._make_room()
                return False
            people = self._people[item] = set()
        if len(people) >= self._enough:
            return False  # told before
        people.add(person)
        return len(people) >= self._enough

    def _make_room(self) -> None:
        for people in self._people.values():
            people.pop()
        self._people = {item: people for item, people in self._people.items() if people}


class _Producer(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def send_and_wait(
        self, topic: str, value: bytes, key: bytes, partition: int
    ) -> object: ...


class SuspicionReporter(faust.Service):
    """Tells the librarian of suspicious items. A broker that is away is waited for; decisions
    never wait for this."""

    def __init__(
        self,
        shares: MatchShares,
        client: Mapping[str, Any],
        topic: str,
        on_suspected: Callable[[str], None],
    ) -> None:
        """`on_suspected` hears of each one's list."""
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._shares = shares
        self._client = client
        self._topic = topic
        self._on_suspected = on_suspected
        self._waiting: asyncio.Queue[EntrySuspected] = asyncio.Queue(MAX_ITEMS)
        self._producer: _Producer | None = None

    def count(self, envelopes: Iterable[Envelope]) -> None:
        """Take in what a committed chunk matched. Called in the event loop."""
        for suspected in self._shares.count(envelopes):
            self._on_suspected(suspected.list)
            log.warning(
                "list %s, entry %s: its %s matches %d people's media of %d media items",
                suspected.list,
                suspected.id,
                suspected.algorithm,
                suspected.matches,
                suspected.looked_at,
            )
            if not self._waiting.full():
                self._waiting.put_nowait(suspected)

    async def on_stop(self) -> None:
        """Give back the connection."""
        if self._producer is not None:
            await self._producer.stop()

    @faust.Service.task
    async def _report(self) -> None:
        while not self.should_stop:
            suspected = await self._waiting.get()
            while not self.should_stop:
                try:
                    producer = await self._ready()
                    key, value = request_record(suspected)
                    await producer.send_and_wait(self._topic, value, key, 0)
                    break
                except (KafkaError, OSError) as error:
                    log.warning("the librarian cannot be told, trying again: %s", error)
                    await self.sleep(RETRY_SECONDS)

    async def _ready(self) -> _Producer:
        if self._producer is None:
            producer = cast(_Producer, AIOKafkaProducer(**self._client, acks="all"))
            try:
                await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer
