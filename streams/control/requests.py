"""What workers ask of the librarian on `seawall.control`: look at an entry, take one in.

Workers never open the librarian's store; they ask, it decides, and what it makes of it comes back
as a change of the lists, to every worker at the same offset.
"""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from matchers.lists.entry import Algorithm, ListEntry
from matchers.lists.librarian import outbox
from matchers.lists.librarian.flags import Suspicion
from matchers.lists.librarian.proposals import propose
from matchers.lists.librarian.store import ListStore, Refused
from streams.contracts.refusal import DecodeFailure, refuse
from streams.kafka.client import (
    ClientConfig,
    KafkaError,
    Record,
    TopicPartition,
    consumer_client,
    native,
)

_POLL_MS = 1000
STUCK_SECONDS = 10.0
"""Of nothing being read; whoever waits has other things to do, and may be asked to end."""


Count = Annotated[int, Meta(ge=0, le=2**53)]
"""More than JSON can count is no count, and no number for the store."""


class EntrySuspected(Struct, frozen=True, kw_only=True, tag_field="type", tag="entry_suspected"):
    """An item of a list matched `matches` of `looked_at` media items that a worker looked at."""

    schema_version: Literal[1] = 1
    list: str
    id: str
    algorithm: Algorithm
    matches: Count
    looked_at: Count


class EntryProposed(Struct, frozen=True, kw_only=True, tag_field="type", tag="entry_proposed"):
    """Reviewers would have an entry listed. `origin` says who or what: a case, a reviewer's id."""

    schema_version: Literal[1] = 1
    entry: ListEntry
    why: str
    origin: str


Request = EntrySuspected | EntryProposed
_KINDS: dict[str, type[Request]] = {
    "entry_suspected": EntrySuspected,
    "entry_proposed": EntryProposed,
}


class Heard(NamedTuple):
    """What the librarian made of requests: items flagged, proposals taken in, and why others, or
    what cannot be read, were not."""

    flagged: list[EntrySuspected]
    proposed: int
    refused: list[str]


def request_record(request: Request) -> tuple[bytes, bytes]:
    """Key and value of a request's record on the control topic (partition 0). A later one with
    the key takes its place."""
    if isinstance(request, EntrySuspected):
        key = f"suspected/{request.list}/{request.algorithm}/{request.id}"
    else:
        entry = request.entry
        key = f"proposed/{entry.list}/{entry.algorithm}/{entry.id}/{entry.value}"
    return key.encode(), msgspec.json.encode(request)


class _Typed(Struct):
    type: str = ""


_typed = msgspec.json.Decoder(_Typed)
_decoder = msgspec.json.Decoder(Request)


def hear_requests(config: ClientConfig, topic: str, store: ListStore) -> Heard:
    """Read the control topic on from where it was read before, and do what is asked. A crash in
    between repeats some of it, which changes nothing.

    Raises `KafkaError`, also when for `STUCK_SECONDS` nothing can be read.
    """
    heard = Heard([], 0, [])

    def take(record: Record) -> None:
        nonlocal heard
        heard = _take(store, record.offset, record.value, heard)

    with store.reading() as database:
        begin = outbox.heard(database)
    end = read_on(config, topic, begin, take)
    with store.writing() as database:
        outbox.mark_heard(database, end)
    return heard


def read_on(config: ClientConfig, topic: str, begin: int, take: Callable[[Record], object]) -> int:
    """Hand over what the control topic holds from an offset on, or from its beginning where it was
    made anew and ends before; the offset after it.

    Raises `KafkaError`, also when for `STUCK_SECONDS` nothing can be read.
    """
    partition = native(TopicPartition(topic, 0))
    with closing(consumer_client(config)) as consumer:
        consumer.assign([partition])
        end = consumer.end_offsets([partition])[partition]
        at = 0 if begin > end else begin
        consumer.seek(partition, at)
        since = time.monotonic()
        while at < end:
            for record in consumer.poll(_POLL_MS).get(partition, []):
                take(record)
            before, at = at, consumer.position(partition)
            if at != before:
                since = time.monotonic()
            elif time.monotonic() - since > STUCK_SECONDS:
                raise KafkaError(f"{topic} cannot be read on from offset {at}")
    return at


def _take(store: ListStore, offset: int, value: bytes | None, heard: Heard) -> Heard:
    try:
        request = _request(offset, value)
    except Refused as why:
        return heard._replace(refused=[*heard.refused, str(why)])
    if request is None:
        return heard
    now = datetime.now(UTC)
    if isinstance(request, EntrySuspected):
        suspicion = Suspicion(
            request.list, request.id, request.algorithm, request.matches, request.looked_at
        )
        outcome = store.flag(suspicion, origin="workers", at=now)
        return (
            heard if outcome.revision is None else heard._replace(flagged=[*heard.flagged, request])
        )
    try:
        propose(store, request.entry, request.why, origin=request.origin, at=now)
    except Refused as why:
        return heard._replace(refused=[*heard.refused, str(why)])
    return heard._replace(proposed=heard.proposed + 1)


def _request(offset: int, value: bytes | None) -> Request | None:
    """The request of a record; `None` for other messages, which are for others to judge. Raises
    `Refused` for a request that cannot be read."""
    if value is None:
        return None
    try:
        kind = _KINDS.get(_typed.decode(value).type)
    except DecodeFailure:
        return None
    if kind is None:
        return None
    try:
        return _decoder.decode(value)
    except DecodeFailure as error:
        bad = refuse(error, kind, value)
        raise Refused(
            f"the request at offset {offset}: {bad.field or '$'}: {bad.message}"
        ) from None
