"""Topics of a fault run, and what faults do to topics."""

import contextlib
import time
from collections.abc import Mapping

from kafka.errors import KafkaError

from streams.kafka.admin import applied, apply_plan, plan_topics
from streams.kafka.client import Admin, admin_client, topic_config
from streams.kafka.topics import CONTENT_EVENTS, pipeline_topics, topic_name
from streams.settings import Settings


def _admin(bootstrap: str) -> contextlib.closing[Admin]:
    return contextlib.closing(
        admin_client({"bootstrap_servers": bootstrap, "bootstrap_timeout_ms": 10_000})
    )


def create(settings: Settings) -> None:
    """The pipeline's topics; the input has room for values that the worker finds too large."""
    specs = pipeline_topics(settings)
    with _admin(settings.kafka.bootstrap) as admin:
        apply_plan(admin, plan_topics(admin, specs))
        applied(admin, specs)
    source = topic_name(settings.pipeline, CONTENT_EVENTS)
    configure(settings.kafka.bootstrap, source, {"max.message.bytes": "10000000"})


def configure(bootstrap: str, topic: str, configs: Mapping[str, str]) -> None:
    """Set a topic's configuration, leaving what is not named."""
    with _admin(bootstrap) as admin:
        refused = admin.alter_configs([topic_config(topic, configs)], raise_on_unknown=False)
    if set(refused.get("topic", {}).values()) - {"OK"}:
        raise KafkaError(f"{topic}: configuration refused: {refused}")


def delete(bootstrap: str, prefix: str) -> None:
    """Remove a run's topics: forty of them, times three replicas, are a burden on small brokers."""
    with _admin(bootstrap) as admin:
        admin.delete_topics([name for name in admin.list_topics() if name.startswith(prefix)])


def wait_in_sync(bootstrap: str, seconds: float = 90) -> None:
    """Until every replica of every topic is in sync, as between the steps of a rolling restart."""
    ends = time.monotonic() + seconds
    behind = "no answer"
    while time.monotonic() < ends:
        try:
            with _admin(bootstrap) as admin:
                lacking = [
                    topic["name"]
                    for topic in admin.describe_topics()
                    for partition in topic["partitions"]
                    if len(partition["isr_nodes"]) < len(partition["replica_nodes"])
                ]
            if not lacking:
                return
            behind = f"{len(lacking)} partitions lack a replica"
        except KafkaError as error:
            behind = type(error).__name__
        time.sleep(0.3)
    raise TimeoutError(f"replicas not in sync after {seconds} s: {behind}")
