"""Compares a cluster's topics with what they must be like, and brings them there where it can."""

import time
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from streams.kafka.client import Admin, KafkaError, retried, topic_config
from streams.kafka.topics import TopicSpec

State = Literal["same", "missing", "differs"]


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that is not as it must be. `remedy` is empty where `apply_plan` sets it right, else
    it says what a person has to do."""

    what: str
    found: str
    wanted: str
    remedy: str = ""


class TopicPlan(Struct, frozen=True, kw_only=True):
    """A topic's spec against the cluster."""

    spec: TopicSpec
    state: State
    differences: tuple[Difference, ...] = ()

    @property
    def fixable(self) -> bool:
        """Whether applying changes anything."""
        return self.state == "missing" or any(not d.remedy for d in self.differences)


def plan_topics(admin: Admin, specs: Sequence[TopicSpec]) -> list[TopicPlan]:
    """Each spec against the cluster, in order; changes nothing. Raises `KafkaError`."""
    return retried(lambda: _plan(admin, specs))


def _plan(admin: Admin, specs: Sequence[TopicSpec]) -> list[TopicPlan]:
    present = set(admin.list_topics()) & {spec.name for spec in specs}
    if not present:
        return [TopicPlan(spec=spec, state="missing") for spec in specs]
    names = sorted(present)
    described = {topic["name"]: topic for topic in admin.describe_topics(names)}
    resources = [topic_config(name) for name in names]
    configs = admin.describe_configs(resources, config_filter="all")["topic"]
    plans: list[TopicPlan] = []
    for spec in specs:
        if spec.name not in present:
            plans.append(TopicPlan(spec=spec, state="missing"))
            continue
        partitions = described[spec.name]["partitions"]
        replication = max((len(p["replica_nodes"]) for p in partitions), default=0)
        found = {key: str(entry["value"]) for key, entry in configs[spec.name].items()}
        differences = (
            *_partitions(spec, len(partitions)),
            *_replication(spec, replication),
            *(
                Difference(what=key, found=found.get(key, "unknown"), wanted=value)
                for key, value in spec.configs.items()
                if found.get(key) != value
            ),
        )
        state: State = "differs" if differences else "same"
        plans.append(TopicPlan(spec=spec, state=state, differences=differences))
    return plans


def apply_plan(admin: Admin, plans: Sequence[TopicPlan]) -> None:
    """Create what is missing, add partitions, set configurations. What has a remedy is left alone.
    Applying twice changes nothing more. Raises `KafkaError`."""
    missing = [plan.spec for plan in plans if plan.state == "missing"]
    if missing:
        admin.create_topics(
            {
                spec.name: {
                    "num_partitions": spec.partitions,
                    "replication_factor": spec.replication,
                    "configs": spec.configs,
                }
                for spec in missing
            },
            wait_for_metadata=True,
        )
    for plan in plans:
        todo = {d.what: d.wanted for d in plan.differences if not d.remedy}
        if todo.pop("partitions", None) is not None:
            admin.create_partitions({plan.spec.name: plan.spec.partitions})
            admin.wait_for_topics([plan.spec.name])
        if todo:
            # The library's own check asks any broker, and one that lags knows no config of a new
            # topic; the controller refuses what does not exist.
            results = admin.alter_configs(
                [topic_config(plan.spec.name, todo)], raise_on_unknown=False
            )
            refused = {n: r for n, r in results.get("topic", {}).items() if r != "OK"}
            if refused:
                raise KafkaError(f"configuration refused: {refused}")


def applied(admin: Admin, specs: Sequence[TopicSpec], seconds: float = 10.0) -> list[TopicPlan]:
    """The plan after applying, once the brokers' metadata show it (or `seconds` have passed)."""
    deadline = time.monotonic() + seconds
    while True:
        plans = plan_topics(admin, specs)
        if not any(plan.fixable for plan in plans) or time.monotonic() > deadline:
            return plans
        time.sleep(0.1)


def _partitions(spec: TopicSpec, found: int) -> list[Difference]:
    if found == spec.partitions:
        return []
    remedy = ""
    if found > spec.partitions:
        remedy = "Kafka never removes partitions: set pipeline.partitions, or make the topic anew"
    return [
        Difference(what="partitions", found=str(found), wanted=str(spec.partitions), remedy=remedy)
    ]


def _replication(spec: TopicSpec, found: int) -> list[Difference]:
    if found == spec.replication:
        return []
    return [
        Difference(
            what="replication",
            found=str(found),
            wanted=str(spec.replication),
            remedy="cannot be changed here: reassign the partitions with Kafka's own tool",
        )
    ]
