"""Sends reversals to the decisions' topics, each once."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

import msgspec

from streams.cases.store import CaseStore
from streams.contracts.codec import TRACEPARENT_HEADER, decision_headers
from streams.contracts.decision import Decision
from streams.feedback.records import Outgoing
from streams.kafka.client import (
    ClientConfig,
    TopicPartition,
    admin_client,
    group_offset,
    native,
    producer_client,
    retried,
)

_decision = msgspec.json.Decoder(Decision)


class ReversalTopics(NamedTuple):
    """Where decisions go; full names."""

    decisions: str
    urgent: str


def send_reversals(
    config: ClientConfig, store: CaseStore, topics: ReversalTopics, name: str
) -> int:
    """Send what is in the outbox, in one transaction; how many.

    The same transaction commits the outbox's number as an offset of a group of the store's own,
    and with it a digest of what it sent, so that after a crash between sending and noting it Kafka
    itself says what was sent. A copy of the store that was put back gives the same numbers to
    others, which were not: where the digest is not of what waits under them, all of it is sent.

    `name` is the transactional id: whoever sends next shuts out whoever had it before. Kafka
    forgets the offsets of idle groups (after seven days by default): a store that wakes later
    between sending and noting, as a copy that was put back, sends again, with the same
    `decision_id`.

    Raises `KafkaError` when the brokers cannot be reached, or refuse.
    """
    waiting = store.reviews.outgoing()
    if not waiting:
        return 0
    group = f"{name}.{store.store_id}"
    mark = TopicPartition(topics.decisions, 0)
    with closing(producer_client({**config, "transactional_id": name, "acks": "all"})) as producer:
        producer.init_transactions()
        with closing(admin_client(config)) as admin:
            known = retried(lambda: admin.list_group_offsets([group])).get(group, {}).get(mark)
        done = known.offset if known is not None else 0
        counted = [outgoing for outgoing in waiting if outgoing.seq <= done]
        sending = waiting
        if counted and known is not None and known.metadata == _digest(counted):
            _note(store, counted)  # before another digest takes this one's place
            sending = waiting[len(counted) :]
        if sending:
            producer.begin_transaction()
            try:
                futures = [
                    producer.send(topic, outgoing.value, outgoing.key, _headers(outgoing))
                    for outgoing in sending
                    for topic in _topics(outgoing, topics)
                ]
                producer.flush()
                for future in futures:
                    future.get(timeout=0)
                offset = group_offset(sending[-1].seq, _digest(sending))
                producer.send_offsets_to_transaction({native(mark): offset}, group)
            except BaseException:
                producer.abort_transaction()
                raise
            producer.commit_transaction()
            _note(store, sending)
    return len(sending)


def _note(store: CaseStore, sent: Sequence[Outgoing]) -> None:
    with store.writing():
        store.reviews.set_sent(sent[-1].seq)


def _digest(sent: Sequence[Outgoing]) -> str:
    """Says what was sent together. What waits under numbers that were sent is all of the last
    transaction, if it could not be noted, or it is something else."""
    ids = [_decision.decode(outgoing.value).decision_id for outgoing in sent]
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()


def _headers(outgoing: Outgoing) -> list[tuple[str, bytes]]:
    received = [(TRACEPARENT_HEADER, outgoing.traceparent)]
    return decision_headers(_decision.decode(outgoing.value), received)


def _topics(outgoing: Outgoing, topics: ReversalTopics) -> list[str]:
    """Those on call hear of it as they heard of the decision."""
    urgent = _decision.decode(outgoing.value).priority <= 1
    return [topics.decisions, topics.urgent] if urgent else [topics.decisions]
