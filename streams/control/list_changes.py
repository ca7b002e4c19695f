"""Changes of lists on `seawall.control`: what is written there, and what a worker keeps of it.

The topic is compacted, with a key for each entry and list, and a removal is a message too: whoever
reads it from a snapshot's offset ends with the same lists. But for what victims took back: of that
the removal, which names it, is compacted away once a snapshot without it is compiled. So who starts
from a snapshot before that one can match what was erased until it has a newer one.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from itertools import takewhile
from typing import Any, Literal, NamedTuple

import msgspec
from kafka.errors import MessageSizeTooLargeError
from msgspec import Struct

from matchers.lists.entry import Algorithm, ListEntry, ListInfo
from matchers.lists.librarian import erasure, outbox
from matchers.lists.librarian.outbox import NAMED, Published
from matchers.lists.librarian.rows import EntryKey
from matchers.lists.librarian.store import ListStore
from matchers.lists.matcher import ListMatcher
from matchers.lists.version import ListsVersion
from streams.kafka.client import ClientConfig, RecordFuture, producer_client


class EntryListed(Struct, frozen=True, kw_only=True, tag_field="type", tag="entry_listed"):
    """An entry is new, or is something else now."""

    schema_version: Literal[1] = 1
    entry: ListEntry


class EntryRemoved(Struct, frozen=True, kw_only=True, tag_field="type", tag="entry_removed"):
    """An entry is no longer listed."""

    schema_version: Literal[1] = 1
    list: str
    id: str
    algorithm: Algorithm
    value: str


class ListDefined(Struct, frozen=True, kw_only=True, tag_field="type", tag="list_defined"):
    """A list is new, or is something else now."""

    schema_version: Literal[1] = 1
    info: ListInfo


class ReloadLists(Struct, frozen=True, kw_only=True, tag_field="type", tag="reload_lists"):
    """A new snapshot of this version stands in its place. Who follows one looks now; others see
    that their files have changed at their next look, within seconds."""

    schema_version: Literal[1] = 1
    version: str = ""


ListMessage = EntryListed | EntryRemoved | ListDefined


class Sent(NamedTuple):
    """How many messages were written. `topic_anew`: the topic ends before what was published
    earlier, so that it is another one, and workers need a new snapshot. `too_much`: why changes
    of entries were left to a snapshot that is due now. `erased` withdrawn entries are nowhere in
    the store any more, and will be compacted away on the topic."""

    messages: int
    erased: int
    topic_anew: bool = False
    too_much: str | None = None


class Offset(NamedTuple):
    """A message and where it stood on the control topic."""

    offset: int
    message: ListMessage


def message_key(message: ListMessage) -> bytes:
    """The record's key: one for each list, and for each entry by list, id, algorithm and value."""
    if isinstance(message, ListDefined):
        return f"list/{message.info.name}".encode()
    named = message.entry if isinstance(message, EntryListed) else message
    digest = hashlib.blake2b(digest_size=16)
    for part in (named.list, named.id, named.algorithm, named.value):
        digest.update(part.encode() + b"\0")
    return f"entry/{named.list}/{digest.hexdigest()}".encode()


def entry_message(change: outbox.Change) -> ListMessage:
    """What to tell of an entry as it is."""
    if change.entry is None:
        return EntryRemoved(**change.key._asdict())
    return EntryListed(entry=change.entry)


def publish_changes(config: ClientConfig, topic: str, store: ListStore) -> Sent:
    """Write to the control topic what changed in the store since the last time. A crash in between
    repeats some of it, which changes nothing for the readers.

    Others can write to the store while it is sent. Where others published meanwhile, what they
    sent may stand before what is older: all since the same revision is sent again, as it is then.
    Where the topic takes no message as large as one of these, all of them are left to a snapshot.

    Raises `KafkaError`, with nothing marked as published.
    """
    anew, too_large = False, None
    while True:
        due = _unsent(store, too_large)
        begin = due.done.next_offset
        try:
            next_offset = send(config, topic, due.records) if due.records else begin
        except MessageSizeTooLargeError:
            if too_large is not None:
                raise
            too_large = f"{topic} takes no message as large as {due.largest}"
            continue
        anew |= next_offset - len(due.records) < begin - 1
        if _mark_sent(store, due, next_offset):
            return Sent(due.messages, len(due.erasable), anew, due.too_much)


class _Unsent(NamedTuple):
    """What the store has for the topic at revision `newest`, in `records`, of which `messages` are
    changes and the others what is compacted away."""

    done: Published
    newest: int
    messages: int
    records: list[tuple[bytes, bytes | None]]
    erasable: list[EntryKey]
    too_much: str | None
    largest: str


def _unsent(store: ListStore, too_large: str | None) -> _Unsent:
    """`too_large`: why no change is to be sent, but all left to a snapshot. What was sent of them
    before that was known must not be read after it: a record that changes nothing comes after."""
    messages: list[ListMessage] = []
    with store.reading() as database:
        done, newest = outbox.published(database), store.revision()
        too_much = too_large or outbox.too_much(database)
        if too_large is None:
            messages += [ListDefined(info=info) for info in outbox.changed_lists(database)]
        if too_much is None:
            messages += map(entry_message, outbox.changed_entries(database))
        erasable = erasure.erasable(database)
        encoded = [msgspec.json.encode(message) for message in messages]
        keyed: list[tuple[bytes, bytes | None]] = [
            (message_key(message), value) for message, value in zip(messages, encoded, strict=True)
        ]
        keyed += [(message_key(EntryRemoved(**key._asdict())), None) for key in erasable]
        if too_large is not None:
            keyed.append((b"reload", msgspec.json.encode(ReloadLists())))
    sizes = list(map(len, encoded))
    largest = _named(messages[sizes.index(max(sizes))], max(sizes)) if sizes else ""
    return _Unsent(done, newest, len(messages), keyed, erasable, too_much, largest)


def _named(message: ListMessage, size: int) -> str:
    if isinstance(message, ListDefined):
        return f"what is said of list {message.info.name[:NAMED]!r} ({size} bytes)"
    entry = message.entry if isinstance(message, EntryListed) else message
    return f"entry {entry.id[:NAMED]!r} of list {entry.list[:NAMED]!r} ({size} bytes)"


def _mark_sent(store: ListStore, sent: _Unsent, next_offset: int) -> bool:
    """Mark it as published; `False` when others marked something meanwhile, and all since must be
    sent again."""
    with store.writing() as database:
        known = outbox.published(database)
        if known != sent.done:
            since = min(known.revision, sent.done.revision)
            outbox.mark_published(database, Published(since, next_offset))
            return False
        # What was listed again meanwhile is to stay.
        still = set(erasure.erasable(database))
        erasure.erase(database, [key for key in sent.erasable if key in still])
        outbox.mark_published(database, Published(sent.newest, next_offset))
        if sent.too_much is not None:
            outbox.mark_due(database, sent.newest)
    return True


def announce_snapshot(config: ClientConfig, topic: str, version: str) -> None:
    """Tell the workers that a snapshot stands in its place, whole. Raises `KafkaError`."""
    message = ReloadLists(version=version)
    send(config, topic, [(b"reload", msgspec.json.encode(message))])


def send(config: ClientConfig, topic: str, records: Sequence[tuple[bytes, bytes | None]]) -> int:
    """Write records (key and value) to the control topic, in order; the offset after the last.

    Raises `KafkaError`.
    """
    arguments: dict[str, Any] = {
        **config,
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": 5,
        "max_request_size": 2 * outbox.MAX_MESSAGE,
    }
    with closing(producer_client(arguments)) as producer:
        sent: list[RecordFuture] = [
            producer.send(topic, value, key, partition=0) for key, value in records
        ]
        producer.flush()
        return max(future.get(timeout=60).offset for future in sent) + 1


class ChangeLog:
    """The changes since a snapshot's offset, the newest for each key. Not safe between threads."""

    def __init__(self) -> None:
        self.position: int | None = None
        """The offset to read on from; `None` for lists that follow no changes."""
        self._begin = 0
        self._newest: dict[bytes, Offset] = {}
        """In the order of their offsets."""

    def start(self, version: str) -> None:
        """Lists of this version are taken into use: keep the changes that they do not hold."""
        offset = ListsVersion.parse(version).offset
        if offset is None or self.position is None or not self._begin <= offset <= self.position:
            self._newest.clear()
            self.position = offset
        self._begin = offset or 0
        self._newest = {
            key: kept for key, kept in self._newest.items() if kept.offset >= self._begin
        }

    def add(self, read: Iterable[Offset], position: int) -> int:
        """Keep what was read up to `position`; the offset from which on that is new. A position
        before the last one is on a topic that was made anew, which knows nothing of what was
        said on the one before."""
        since = self.position or 0
        if position < since:
            self._newest.clear()
            self._begin = since = 0
        for change in read:
            key = message_key(change.message)
            self._newest.pop(key, None)
            self._newest[key] = change
        self._begin = min(self._begin, position)
        self.position = position
        return since

    def applied(self, matcher: ListMatcher, since: int, at: datetime) -> ListMatcher:
        """A matcher with the changes from an offset on. Entries of a list that is not known yet
        wait for it."""
        recent = list(takewhile(lambda kept: kept.offset >= since, reversed(self._newest.values())))
        infos = [kept.message.info for kept in recent if isinstance(kept.message, ListDefined)]
        new = {info.name for info in infos} - matcher.infos.keys()
        known = new | matcher.infos.keys()
        added: list[ListEntry] = []
        removed: list[ListEntry] = []
        for offset, message in self._newest.values() if new else recent:
            if isinstance(message, EntryListed):
                name = message.entry.list
                if name in new or (offset >= since and name in known):
                    added.append(message.entry)
            elif isinstance(message, EntryRemoved) and offset >= since:
                removed.append(
                    ListEntry(
                        list=message.list,
                        id=message.id,
                        algorithm=message.algorithm,
                        value=message.value,
                    )
                )
        version = ListsVersion.parse(matcher.version)._replace(offset=self.position)
        return matcher.changed(added, removed, version=str(version), loaded_at=at, infos=infos)
