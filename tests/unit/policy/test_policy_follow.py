"""What a worker makes of the control topic's policies, when it starts and as they come."""

import asyncio
import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from streams.control.policy_change import KEY
from streams.control.policy_follow import PolicyFollower
from streams.policy.live import LivePolicy
from streams.policy.load import default_policy

OWN = default_policy().version
NOT_JSON = b"{"


def policy(version: str) -> str:
    return f'version = "{version}"\n'


def change(version: str, **more: Any) -> bytes:
    said = {"type": "policy_changed", "text": policy(version), "previous": policy("first")}
    return json.dumps(said | more).encode()


def newer(**more: Any) -> bytes:
    said = {"type": "policy_changed", "schema_version": 2, "text": {"signed": "x"}, "by": ["y"]}
    return json.dumps(said | more).encode()


class TopicInMemory:
    """A control topic of one partition, and the consumer that reads it."""

    def __init__(self, *values: bytes | None) -> None:
        self.values = list(values)
        self._at = 0
        self.asked_again = asyncio.Event()
        """What there was has been taken, since more was asked for."""

    async def stop(self) -> None: ...

    async def topics(self) -> set[str]:
        return {"control"}

    async def position(self, _: object) -> int:
        return self._at

    async def end_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(partitions, len(self.values))

    async def getmany(
        self, partition: Any, *, timeout_ms: int, max_records: int
    ) -> dict[Any, list[Any]]:
        await asyncio.sleep(0.001)
        found = [
            SimpleNamespace(offset=offset, key=KEY, value=value)
            for offset, value in enumerate(self.values)
        ][self._at : self._at + max_records]
        self._at += len(found)
        if not found:
            self.asked_again.set()
        return {partition: found}


class Followed:
    def __init__(self, *values: bytes | None) -> None:
        self.live = LivePolicy(default_policy())
        self.topic = TopicInMemory(*values)
        self._follower = PolicyFollower(self.live, {}, "control")
        self._follower._consumer = self.topic  # pyright: ignore
        self._ending = False

    @property
    def version(self) -> str:
        return self.live.policy.version.partition("+")[0]

    async def start(self) -> None:
        await self._follower.catch_up(lambda: self._ending)

    def started(self) -> bool:
        """Whether the worker goes on to take work."""

        async def scenario() -> bool:
            starting = asyncio.create_task(self.start())
            waits = asyncio.create_task(self.topic.asked_again.wait())
            await asyncio.wait({starting, waits}, return_when=asyncio.FIRST_COMPLETED)
            done = starting.done()
            self._ending = True
            waits.cancel()
            await starting
            return done

        return asyncio.run(scenario())

    async def follow_all(self) -> None:
        await self._follower.start()
        await asyncio.wait_for(self.topic.asked_again.wait(), 20)
        await self._follower.stop()


@pytest.mark.parametrize("previous", [policy("good"), None])
def test_one_that_starts_with_a_newest_that_it_cannot_read_takes_the_one_before(previous):
    followed = Followed(newer(previous=previous))
    assert followed.started()
    expected = "good" if previous else OWN.partition("+")[0]
    assert followed.version == expected
    assert "control@0" in str(followed.live.refused)
    assert "upgrade Seawall" in str(followed.live.refused)


def test_one_that_ran_all_along_has_the_same_policy():
    followed = Followed(change("good"), newer(previous=policy("good")), NOT_JSON)
    asyncio.run(followed.follow_all())
    assert followed.version == "good"
    assert "control@2" in str(followed.live.refused)


UNUSABLE = change("x", text="rules = 3\n", previous=policy("good"))


@pytest.mark.parametrize(
    "values",
    [
        (change("good"), UNUSABLE),
        (UNUSABLE,),
        (newer(previous=policy("good")),),
        (change("good"), UNUSABLE, NOT_JSON),
    ],
)
def test_those_that_run_and_those_that_start_judge_by_the_same_policy(values):
    running, starting = Followed(*values), Followed(*values)
    asyncio.run(running.follow_all())
    assert starting.started()
    assert running.version == starting.version == "good"


def test_a_change_that_does_not_say_what_was_before_it_leaves_none_its_own():
    newest = json.dumps({"type": "policy_changed", "text": "rules = 3\n"}).encode()
    assert not Followed(newest).started()


@pytest.mark.parametrize(
    "newest",
    [
        NOT_JSON,
        newer(),
        newer(previous="rules = 3\n"),
        change("x", text="rules = 3\n", previous="rules = 4\n"),
    ],
)
def test_one_that_can_use_neither_takes_no_work_and_says_what_to_do(newest, caplog):
    followed = Followed(newest)
    with caplog.at_level(logging.ERROR):
        assert not followed.started()
    assert "control@0" in str(followed.live.refused)
    assert "no work is taken" in caplog.text
    assert "control@0" in caplog.messages[-1]
    assert "Upgrade this worker" in caplog.messages[-1]


def test_it_takes_up_work_once_a_policy_comes_that_it_can_use():
    followed = Followed(NOT_JSON)

    async def scenario() -> None:
        starting = asyncio.create_task(followed.start())
        await asyncio.sleep(0.1)
        followed.topic.values.append(newer())
        await asyncio.sleep(0.1)
        assert not starting.done()
        followed.topic.values.append(change("mended"))
        await asyncio.wait_for(starting, 20)

    asyncio.run(scenario())
    assert followed.version == "mended"
    assert followed.live.refused is None


@pytest.mark.parametrize("before", [policy("good"), None, "missing"])
def test_that_the_newest_was_refused_is_known_after_a_restart(before):
    newest = newer() if before == "missing" else newer(previous=before)
    followed = Followed(change("good"), newest)
    assert followed.started()
    assert followed.version == ("good" if before else OWN.partition("+")[0])
    assert "control@1" in str(followed.live.refused)


def test_a_newer_policy_ends_the_refusal():
    followed = Followed(change("good"), NOT_JSON, change("next"))
    assert followed.started()
    assert followed.version == "next"
    assert followed.live.refused is None


def test_a_policy_that_was_deleted_leaves_each_worker_its_own(caplog):
    starting, running = (Followed(change("good"), None) for _ in range(2))
    with caplog.at_level(logging.WARNING):
        assert starting.started()
        asyncio.run(running.follow_all())
    for followed in (starting, running):
        assert followed.live.policy.version == OWN
        assert followed.live.refused is None
    assert caplog.text.count("deleted from the control topic at control@1") == 2


def test_a_topic_without_a_policy_leaves_it_its_own():
    followed = Followed()
    assert followed.started()
    assert followed.live.policy.version == OWN
