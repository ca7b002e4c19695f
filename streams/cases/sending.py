"""Sends reversals to the decisions' topics, each once."""

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

    The same transaction commits the outbox's number as an offset of a group of the store's own, so
    that after a crash between sending and noting it Kafka itself says what was sent. `name` is the
    transactional id: whoever sends next shuts out whoever had it before. Kafka forgets the offsets
    of idle groups (after seven days by default): only a store that wakes in that state later sends
    again, with the same `decision_id`.

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
        sending = [outgoing for outgoing in waiting if outgoing.seq > done]
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
                offset = group_offset(sending[-1].seq)
                producer.send_offsets_to_transaction({native(mark): offset}, group)
            except BaseException:
                producer.abort_transaction()
                raise
            producer.commit_transaction()
    with store.writing():
        store.reviews.set_sent(waiting[-1].seq)
    return len(sending)


def _headers(outgoing: Outgoing) -> list[tuple[str, bytes]]:
    received = [(TRACEPARENT_HEADER, outgoing.traceparent)]
    return decision_headers(_decision.decode(outgoing.value), received)


def _topics(outgoing: Outgoing, topics: ReversalTopics) -> list[str]:
    """Those on call hear of it as they heard of the decision."""
    urgent = _decision.decode(outgoing.value).priority <= 1
    return [topics.decisions, topics.urgent] if urgent else [topics.decisions]
