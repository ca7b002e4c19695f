"""Who may do what in Kafka: the one source of Seawall's users and their access lists.

Each process has a user of its own with what that process does and nothing else. A consumer needs
READ on its group; a transactional producer WRITE and DESCRIBE on its transactional ids; DESCRIBE on
a topic comes with READ or WRITE; idempotent producers need nothing on the cluster since Kafka 3.0
(KIP-679). Ids that end in a number or a name that is not known beforehand are given as prefixes,
whose last character is the separator, so that no other id begins with them.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from streams.contracts.values import STAGE_ORDER, StageName
from streams.kafka import topics
from streams.kafka.topics import consumer_group, pipeline_topics, stage_topics, topic_name
from streams.settings import Settings

Resource = Literal["topic", "group", "transactionalId"]
Operation = Literal[
    "Read", "Write", "Describe", "Create", "Alter", "AlterConfigs", "DescribeConfigs"
]


class Rule(NamedTuple):
    """`operations` allowed on the resource of this name, or on all whose names begin with it."""

    resource: Resource
    name: str
    operations: tuple[Operation, ...]
    prefix: bool = False


class User(NamedTuple):
    """A principal, the process that it is for, and its rules."""

    name: str
    purpose: str
    rules: tuple[Rule, ...]


def worker_user(settings: Settings, stages: Sequence[StageName], name: str) -> User:
    """The user of workers that run these stages, with the pipeline of `settings`.

    A worker reads its input and `seawall.control`, writes its output, dead letters and, behind
    enforcement, what is urgent and the cases' topic. Workers that match lists also write to
    `seawall.control`, unless `lists.flag_share` is 0: that is where they tell the librarian of a
    hash that matches too much.
    """
    pipeline = settings.pipeline
    group = consumer_group(pipeline, stages)
    source, output = stage_topics(pipeline, stages)
    reports = "hash-matching" in stages and settings.lists.flag_share > 0
    written = [output, topic_name(pipeline, topics.DEAD_LETTERS)]
    if stages[-1] == "enforcement":
        written += [topic_name(pipeline, each) for each in (topics.URGENT, topics.CASES)]
    return User(
        name,
        f"seawall worker --stages {','.join(stages)}" + (" (media)" if pipeline.media else ""),
        (
            _topic(source, "Read"),
            _topic(topic_name(pipeline, topics.CONTROL), "Read", *(["Write"] if reports else [])),
            *(_topic(each, "Write") for each in written),
            Rule("group", group, ("Read",)),
            Rule("transactionalId", f"{group}-{source}-", ("Write", "Describe"), prefix=True),
        ),
    )


def users(settings: Settings) -> list[User]:
    """Every user of a deployment: fused workers for text and for media, a user for each stage of
    one that is split, and those of the other commands. Create those that you run."""
    text = replace(settings, pipeline=replace(settings.pipeline, media=False))
    media = replace(settings, pipeline=replace(settings.pipeline, media=True))
    prefix = settings.pipeline.name
    return [
        worker_user(text, STAGE_ORDER, f"{prefix}-text"),
        worker_user(media, STAGE_ORDER, f"{prefix}-media"),
        worker_user(media, STAGE_ORDER[:1], f"{prefix}-media-split"),
        *(worker_user(text, [stage], f"{prefix}-{stage}") for stage in STAGE_ORDER),
        *_others(settings),
    ]


def _others(settings: Settings) -> list[User]:
    name = settings.pipeline.name

    def of(topic: str, *operations: Operation) -> Rule:
        return _topic(topic_name(settings.pipeline, topic), *operations)

    sources = (topics.CONTENT_EVENTS, topics.MEDIA_EVENTS)
    return [
        User(
            f"{name}-topics",
            "seawall topics apply",
            tuple(
                Rule(
                    "topic",
                    each,
                    ("Create", "Describe", "Alter", "DescribeConfigs", "AlterConfigs"),
                )
                for each in all_topics(settings)
            ),
        ),
        User(
            f"{name}-librarian",
            "seawall librarian, seawall lists publish, seawall policy apply",
            (of(topics.CONTROL, "Read", "Write"),),
        ),
        User(
            f"{name}-canary",
            "seawall canary",
            (of(topics.CONTENT_EVENTS, "Write"), of(topics.DECISIONS, "Read")),
        ),
        User(
            f"{name}-cases",
            "seawall cases build",
            (
                *(of(each, "Read") for each in (topics.CASES, topics.OUTCOMES)),
                of(topics.DECISIONS, "Read", "Write"),
                of(topics.URGENT, "Write"),
                Rule("group", f"{name}.cases.", ("Read",), prefix=True),
                Rule("transactionalId", f"{name}.cases", ("Write", "Describe")),
            ),
        ),
        User(f"{name}-archive", "seawall archive", (of(topics.DECISIONS, "Read"),)),
        User(
            f"{name}-operator",
            "a person: seawall lag, topics check, dlq list and replay",
            (
                *(_topic(each, "Describe", "DescribeConfigs") for each in all_topics(settings)),
                *(of(each, "Read", "Write") for each in sources),
                *(of(topics.HOPS[stage], "Read", "Write") for stage in STAGE_ORDER[:-1]),
                of(topics.DEAD_LETTERS, "Read", "Write"),
                *(Rule("group", each, ("Describe",)) for each in all_groups(settings)),
                Rule("transactionalId", f"{name}.dlq-replay", ("Write", "Describe")),
            ),
        ),
        User(
            f"{name}-lag",
            "KEDA and other lag exporters: offsets, no records",
            (
                *(of(each, "Describe") for each in sources),
                *(of(topics.HOPS[stage], "Describe") for stage in STAGE_ORDER[:-1]),
                *(Rule("group", each, ("Describe",)) for each in all_groups(settings)),
            ),
        ),
        User(
            f"{name}-platform",
            "the platform's producers of events",
            tuple(of(each, "Write") for each in sources),
        ),
        User(
            f"{name}-consumer",
            "the platform's service that acts on decisions",
            (
                *(of(each, "Read") for each in (topics.DECISIONS, topics.URGENT)),
                Rule("group", f"{name}.consumer.", ("Read",), prefix=True),
            ),
        ),
        User(
            f"{name}-review",
            "the review tool, which says what people found",
            (of(topics.OUTCOMES, "Write"),),
        ),
    ]


def all_topics(settings: Settings) -> list[str]:
    """The names of the topics of the pipeline for text and of the one for media."""
    return [spec.name for spec in all_topic_specs(settings)]


def all_topic_specs(settings: Settings) -> list[topics.TopicSpec]:
    """The topics of both, each once."""
    specs = {
        spec.name: spec
        for media in (False, True)
        for spec in pipeline_topics(
            replace(settings, pipeline=replace(settings.pipeline, media=media))
        )
    }
    return list(specs.values())


def all_groups(settings: Settings) -> list[str]:
    """The consumer groups of both, split or fused."""
    media = replace(settings.pipeline, media=True)
    text = replace(settings.pipeline, media=False)
    return [
        *(consumer_group(text, [stage]) for stage in STAGE_ORDER),
        consumer_group(media, STAGE_ORDER),
    ]


def _topic(name: str, *operations: Operation) -> Rule:
    return Rule("topic", name, operations)
