"""A store that does not know what is on the control topic: an older copy that was put back, or a
new one. What came after it was made is in force at the workers, and cannot be looked at, removed or
gone back from here, since the store knows nothing of it.

Neither side can be taken for the right one by itself. What the store lost may be entries that
somebody needs, or the removal of one that was wrong. So nothing is published until a person says
that the store is right, or its sources brought back what it lost.
"""

import msgspec
from kafka.errors import MessageSizeTooLargeError
from msgspec import Struct

from matchers.lists.librarian import outbox
from matchers.lists.librarian.outbox import NAMED, Published
from matchers.lists.librarian.rows import EntryKey
from matchers.lists.librarian.store import ListStore
from matchers.lists.version import ListsVersion
from streams.contracts.refusal import DecodeFailure
from streams.control.list_changes import (
    EntryListed,
    ListDefined,
    ListMessage,
    ReloadLists,
    entry_message,
    message_key,
    send,
)
from streams.control.requests import read_on
from streams.kafka.client import ClientConfig, Record

COMMAND = "seawall lists publish --restored"
"""What takes the store's word."""


_decoder = msgspec.json.Decoder(ListMessage | ReloadLists)


class Ahead(Struct, frozen=True, kw_only=True):
    """What the control topic knows otherwise than the store, up to the offset `end`: entries,
    lists by name, and the version of a snapshot that was compiled from a store that had published
    more, if one was announced."""

    entries: tuple[EntryKey, ...]
    lists: tuple[str, ...]
    snapshot: str | None
    end: int

    @property
    def count(self) -> int:
        """How much that is."""
        return len(self.entries) + len(self.lists) + (self.snapshot is not None)

    def __str__(self) -> str:
        parts: list[str] = []
        if self.entries:
            first = self.entries[0]
            parts.append(
                f"{len(self.entries)} entries, such as {first.id[:NAMED]!r} of list "
                f"{first.list[:NAMED]!r}"
            )
        if self.lists:
            parts.append(f"{len(self.lists)} lists, such as {self.lists[0][:NAMED]!r}")
        if self.snapshot:
            parts.append(f"snapshot {self.snapshot}, compiled from a store that had published more")
        return (
            f"workers were told what this store does not know ({'; '.join(parts)}): it is an older "
            f"copy, or another one. Nothing is published until {COMMAND} makes the workers' lists "
            "what the store's are, or a newer copy is put in its place"
        )


def find_ahead(config: ClientConfig, topic: str, store: ListStore) -> Ahead | None:
    """What the control topic holds since the store's last publication that is not as in the store;
    `None` where there is nothing. What is still to be published from here does not count.

    Raises `KafkaError`.
    """
    with store.reading() as database:
        begin = outbox.published(database).next_offset
    told: dict[bytes, ListMessage] = {}
    snapshot: str | None = None

    def take(record: Record) -> None:
        nonlocal snapshot
        if record.value is None:  # what was erased; its removal, which names it, stands before
            return
        try:
            message = _decoder.decode(record.value)
        except DecodeFailure:  # for others to read, or to complain of
            return
        if not isinstance(message, ReloadLists):
            told[message_key(message)] = message
        elif (ListsVersion.parse(message.version).offset or 0) > begin:
            snapshot = message.version

    end = read_on(config, topic, begin, take)
    entries: list[EntryKey] = []
    lists: list[str] = []
    with store.reading() as database:
        infos = store.infos()
        unpublished = {info.name for info in outbox.changed_lists(database)}
        for message in told.values():
            if isinstance(message, ListDefined):
                name = message.info.name
                if infos.get(name) != message.info and name not in unpublished:
                    lists.append(name)
                continue
            if isinstance(message, EntryListed):
                listed, named = message.entry, message.entry
            else:
                listed, named = None, message
            key = EntryKey(named.list, named.id, named.algorithm, named.value)
            differs = outbox.current(database, key).entry != listed
            if differs and not outbox.is_unpublished(database, key):
                entries.append(key)
    if not (entries or lists or snapshot):
        return None
    return Ahead(entries=tuple(entries), lists=tuple(lists), snapshot=snapshot, end=end)


def publish_restored(config: ClientConfig, topic: str, store: ListStore) -> int:
    """Tell the workers of all that they know otherwise as it is in the store, and have a snapshot
    compiled, after which nobody reads what stands before; how many messages were written. A list
    that the store does not have stays defined until then, with no entries.

    Raises `KafkaError`, with nothing marked.
    """
    ahead = find_ahead(config, topic, store)
    if ahead is None:
        return 0
    with store.reading() as database:
        infos = store.infos()
        messages: list[ListMessage] = [
            ListDefined(info=infos[name]) for name in ahead.lists if name in infos
        ]
        messages += [entry_message(outbox.current(database, key)) for key in ahead.entries]
    records = [(message_key(message), msgspec.json.encode(message)) for message in messages]
    try:
        end = send(config, topic, records) if records else ahead.end
    except MessageSizeTooLargeError:  # the snapshot brings it
        records = []
        end = send(config, topic, [(b"reload", msgspec.json.encode(ReloadLists()))])
    with store.writing() as database:
        done = outbox.published(database)
        outbox.mark_published(database, Published(done.revision, max(done.next_offset, end)))
        outbox.mark_due(database, done.revision)
    return len(records)
