"""A worker that starts when the newest policy on the control topic cannot be used."""

import asyncio
import logging

import msgspec
import pytest
from kafka import KafkaProducer

from streams.control.policy_change import KEY, PolicyChanged
from streams.control.policy_follow import PolicyFollower
from streams.policy.live import LivePolicy
from streams.policy.load import default_policy
from tests.integration.lists.test_follow import control_topic


@pytest.mark.parametrize("previous", ['version = "one"\n', None])
def test_it_takes_the_one_before_and_says_that_the_newest_is_refused(
    broker, prefix, previous, caplog
) -> None:
    topic = control_topic(broker.bootstrap, prefix)
    change = PolicyChanged(text="rules = 3\n", previous=previous)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    producer.send(topic, msgspec.json.encode(change), KEY)
    producer.close()
    live = LivePolicy(default_policy())

    async def scenario() -> None:
        follower = PolicyFollower(live, {"bootstrap_servers": broker.bootstrap}, topic)
        await follower.catch_up(lambda: False)
        await follower.on_stop()

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    before = "one+" if previous else default_policy().version
    assert live.policy.version.startswith(before)
    assert f"{topic}@0" in str(live.refused)
