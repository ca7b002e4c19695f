"""Seawall's own stages as work for a peer."""

from benchmarks.work import Work
from streams.app import build_chain
from streams.kafka import topics as kafka_topics
from streams.kafka.topics import topic_name
from streams.metrics import Metrics
from streams.parts import build_parts
from streams.settings import Settings


def stage_work(settings: Settings) -> Work:
    """The stages as Seawall's worker builds them, with lists and policy loaded."""
    metrics = Metrics()
    parts = build_parts(settings, metrics)
    if parts.lists is not None:
        parts.lists.load()
    names = (kafka_topics.DECISIONS, kafka_topics.URGENT, kafka_topics.CASES)
    return Work(
        build_chain(settings, parts, metrics),
        [topic_name(settings.pipeline, name) for name in names],
    )
