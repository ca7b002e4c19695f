"""The topics of a pipeline: their names, and what each must be like."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from streams.contracts.values import STAGE_ORDER, StageName
from streams.settings import PipelineSettings, Settings

CONTENT_EVENTS = "content.events"
MEDIA_EVENTS = "media.events"
DECISIONS = "enforcement.decisions"
URGENT = "enforcement.urgent"
CASES = "enforcement.cases"
DEAD_LETTERS = "seawall.dead-letters"
CONTROL = "seawall.control"
OUTCOMES = "review.outcomes"
HOPS: dict[StageName, str] = {
    "media-hashing": "content.hashed",
    "hash-matching": "content.matched",
    "text-risk": "content.scored",
    "enforcement": DECISIONS,
}
"""What each stage writes to when it is the last of its worker."""

RECORD_OVERHEAD = 64 * 1024
"""Bytes that a record's key, headers and batch may add to its value."""


class StageTopics(NamedTuple):
    """Where a run of stages reads and writes; full names."""

    input: str
    output: str


class TopicSpec(Struct, frozen=True, kw_only=True):
    """What a topic must be like. `configs` are Kafka's topic settings, as Kafka writes them."""

    name: str
    partitions: int
    replication: int
    configs: dict[str, str]


def topic_name(pipeline: PipelineSettings, name: str) -> str:
    """The full name of one of the topics above."""
    return f"{pipeline.topic_prefix}{name}"


def stage_topics(pipeline: PipelineSettings, stages: Sequence[StageName]) -> StageTopics:
    """The topics of a contiguous run of stages."""
    first = STAGE_ORDER.index(stages[0])
    source = first_topic(pipeline) if first == 0 else HOPS[STAGE_ORDER[first - 1]]
    return StageTopics(topic_name(pipeline, source), topic_name(pipeline, HOPS[stages[-1]]))


def first_topic(pipeline: PipelineSettings) -> str:
    """The name, without prefix, of the topic that the platform writes to."""
    return MEDIA_EVENTS if pipeline.media else CONTENT_EVENTS


def consumer_group(pipeline: PipelineSettings, stages: Sequence[StageName]) -> str:
    """`<pipeline>.<first stage>`: the same for fused and split workers that read one topic, and
    another one for those that read media, whose restarts must not concern the others."""
    group = f"{pipeline.name}.{stages[0]}"
    return f"{group}.media" if pipeline.media and stages[0] == STAGE_ORDER[0] else group


def pipeline_topics(settings: Settings) -> list[TopicSpec]:
    """Every topic of the pipeline, the hops between split stages included.

    Input and hop topics carry the broker's time, the only one that is trusted. What a worker writes
    may be larger than what it read, and a dead letter must fit where its record did not. The
    control topic has one partition, since its offset is a version of all that came before.
    """
    pipeline, source = settings.pipeline, settings.worker.max_event_bytes + RECORD_OVERHEAD
    broker_time = {"message.timestamp.type": "LogAppendTime"}
    sizes = {"source": source, "output": 2 * source, "dead": 4 * source}

    def spec(
        name: str, size: str, configs: dict[str, str] | None = None, partitions: int | None = None
    ) -> TopicSpec:
        return TopicSpec(
            name=topic_name(pipeline, name),
            partitions=partitions or pipeline.partitions,
            replication=pipeline.replication,
            configs={
                "max.message.bytes": str(sizes[size]),
                "min.insync.replicas": str(max(1, min(2, pipeline.replication - 1))),
            }
            | (configs or {}),
        )

    return [
        spec(first_topic(pipeline), "source", broker_time),
        *(spec(HOPS[stage], "output", broker_time) for stage in STAGE_ORDER[:-1]),
        spec(DECISIONS, "output"),
        spec(URGENT, "output"),
        spec(CASES, "output"),
        spec(DEAD_LETTERS, "dead"),
        spec(CONTROL, "output", {"cleanup.policy": "compact"}, partitions=1),
        spec(OUTCOMES, "source"),
    ]
