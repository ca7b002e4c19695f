"""Limits are shared out among the partitions that the input topic really has."""

import json
import time
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from streams.kafka.topics import pipeline_topics
from streams.settings import load_settings
from tests.integration.policy.test_rollout import RULE, report
from tests.integration.worker.processes import toml, worker


def test_whatever_the_settings_say(broker, prefix, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    limit = '[[limits]]\nrule = "limited"\nper_day = 4\n'
    policy.write_text(RULE.format(version="limited", action="block") + limit)
    config = toml(
        tmp_path,
        "seawall.toml",
        {
            "kafka": {"bootstrap": broker.bootstrap},
            "pipeline": {"partitions": 1, "topic_prefix": prefix, "name": f"{prefix}p"},
            "policy": {"file": str(policy)},
        },
    )
    topics = pipeline_topics(load_settings(config, environment={}).settings)
    control = f"{prefix}seawall.control"
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    admin.create_topics(
        [
            NewTopic(t.name, 1 if t.name == control else 4, 1, topic_configs=t.configs)
            for t in topics
        ]
    )
    admin.close()
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    for number in range(3):
        producer.send(f"{prefix}content.events", report(number), partition=0)
    producer.close()
    decisions = KafkaConsumer(
        f"{prefix}enforcement.decisions",
        bootstrap_servers=broker.bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=500,
        isolation_level="read_committed",
    )
    made: list[dict[str, object]] = []
    with worker(tmp_path, "--config", str(config)) as process:
        ends = time.monotonic() + 60
        while len(made) < 3:
            assert time.monotonic() < ends, process.log
            made += [json.loads(record.value) for record in decisions]
        assert process.end() == 0
    decisions.close()
    assert [each["action"] for each in made] == ["block", "hold", "hold"]
    assert made[1]["degraded"] == ["limited:limited"]
