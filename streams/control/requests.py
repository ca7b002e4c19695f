"""What workers ask of the librarian on `seawall.control`: look at an entry, take one in.

Workers never open the librarian's store; they ask, it decides, and what it makes of it comes back
as a change of the lists, to every worker at the same offset.
"""

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from matchers.lists.entry import Algorithm, ListEntry
from matchers.lists.librarian import outbox
from matchers.lists.librarian.flags import Suspicion
from matchers.lists.librarian.proposals import propose
from matchers.lists.librarian.store import ListStore, Refused
from streams.contracts.refusal import DecodeFailure
from streams.kafka.client import ClientConfig, KafkaError, TopicPartition, consumer_client, native

_POLL_MS = 1000
STUCK_SECONDS = 10.0
"""Of nothing being read; whoever waits has other things to do, and may be asked to end."""


class EntrySuspected(Struct, frozen=True, kw_only=True, tag_field="type", tag="entry_suspected"):
    """An item of a list matched `matches` of `looked_at` media items that a worker looked at."""

    schema_version: Literal[1] = 1
    list: str
    id: str
    algorithm: Algorithm
    matches: int
    looked_at: int


class EntryProposed(Struct, frozen=True, kw_only=True, tag_field="type", tag="entry_proposed"):
    """Reviewers would have an entry listed. `origin` says who or what: a case, a reviewer's id."""

    schema_version: Literal[1] = 1
    entry: ListEntry
    why: str
    origin: str


Request = EntrySuspected | EntryProposed


class Heard(NamedTuple):
    """What the librarian made of requests: items flagged, proposals taken in, and why others were
    not."""

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
_TYPES = {"entry_suspected", "entry_proposed"}


def hear_requests(config: ClientConfig, topic: str, store: ListStore) -> Heard:
    """Read the control topic on from where it was read before, and do what is asked. A crash in
    between repeats some of it, which changes nothing.

    Raises `KafkaError`, also when for `STUCK_SECONDS` nothing can be read.
    """
    heard = Heard([], 0, [])
    partition = native(TopicPartition(topic, 0))
    with closing(consumer_client(config)) as consumer:
        consumer.assign([partition])
        end = consumer.end_offsets([partition])[partition]
        with store.reading() as database:
            at = outbox.heard(database)
        if at > end:  # the topic was made anew
            at = 0
        consumer.seek(partition, at)
        since = time.monotonic()
        while at < end:
            for record in consumer.poll(_POLL_MS).get(partition, []):
                heard = _take(store, record.value, heard)
            before, at = at, consumer.position(partition)
            if at != before:
                since = time.monotonic()
            elif time.monotonic() - since > STUCK_SECONDS:
                raise KafkaError(f"{topic} cannot be read on from offset {at}")
    with store.writing() as database:
        outbox.mark_heard(database, at)
    return heard


def _take(store: ListStore, value: bytes | None, heard: Heard) -> Heard:
    request = _request(value)
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


def _request(value: bytes | None) -> Request | None:
    """The request of a record; `None` for other messages, and what cannot be read."""
    if value is None:
        return None
    try:
        if _typed.decode(value).type not in _TYPES:
            return None
        return _decoder.decode(value)
    except DecodeFailure:
        return None
