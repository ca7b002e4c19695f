"""The access lists: current, of least privilege, and the same in both of their forms."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.access import all_topic_specs, users, worker_user
from deploy.acls import DEFAULTS, files
from streams.contracts.values import STAGE_ORDER
from streams.kafka.topics import pipeline_topics
from streams.settings import Settings, load_settings
from tests.deploy.conftest import CHART, ROOT


def settings(**flags: object) -> Settings:
    named = {name.replace("__", "."): value for name, value in flags.items()}
    return load_settings(None, {**DEFAULTS, **named}, environment={}).settings


def test_what_is_generated_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_topics_are_those_that_seawall_makes() -> None:
    manifests = list(yaml.safe_load_all(files(settings(), "kafka")["strimzi/topics.yaml"]))
    by_name = {m["spec"]["topicName"]: m["spec"] for m in manifests}
    for media in (False, True):
        for spec in pipeline_topics(settings(pipeline__media=media)):
            made = by_name[spec.name]
            assert (made["partitions"], made["replicas"]) == (spec.partitions, spec.replication)
            assert made["config"] == spec.configs
    assert len(by_name) == len(all_topic_specs(settings()))


def test_both_forms_say_the_same() -> None:
    """The commands, parsed, are the rules of the KafkaUsers."""
    made = files(settings(pipeline__topic_prefix="eu."), "kafka")
    strimzi = set()
    for user in yaml.safe_load_all(made["strimzi/users.yaml"]):
        for rule in user["spec"]["authorization"]["acls"]:
            resource = rule["resource"]
            for operation in rule["operations"]:
                strimzi.add(
                    (
                        user["metadata"]["name"],
                        resource["type"].lower(),
                        resource["name"],
                        resource["patternType"] == "prefix",
                        operation,
                    )
                )
    commands = set()
    kinds = {"--topic": "topic", "--group": "group", "--transactional-id": "transactionalid"}
    for line in made["kafka/acls.sh"].splitlines():
        if not re.match(r"allow [a-z]", line):
            continue
        words = shlex.split(line)
        pairs = list(zip(words[2::2], words[3::2], strict=True))
        resource = next((kinds[flag], name) for flag, name in pairs if flag in kinds)
        prefix = ("--resource-pattern-type", "prefixed") in pairs
        for flag, operation in pairs:
            if flag == "--operation":
                commands.add((words[1], *resource, prefix, operation))
    assert commands == strimzi


def test_names_are_good_for_kubernetes() -> None:
    for manifest in files(settings(), "kafka").items():
        if manifest[0].endswith(".yaml"):
            for document in yaml.safe_load_all(manifest[1]):
                assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", document["metadata"]["name"])


@pytest.mark.parametrize("stage", STAGE_ORDER)
def test_a_stages_user_has_its_own_topics_only(stage: str) -> None:
    user = worker_user(settings(), [stage], "user")  # type: ignore[list-item]
    may = {(r.name, op) for r in user.rules for op in r.operations if r.resource == "topic"}
    read = {name for name, operation in may if operation == "Read"}
    written = {name for name, operation in may if operation == "Write"}
    assert read == {
        {
            "media-hashing": "content.events",
            "hash-matching": "content.hashed",
            "text-risk": "content.matched",
            "enforcement": "content.scored",
        }[stage],
        "seawall.control",
    }
    assert ("enforcement.cases" in written) == (stage == "enforcement")
    assert ("seawall.control" in written) == (stage == "hash-matching")
    assert not {operation for _, operation in may} - {"Read", "Write"}


def test_without_flags_no_stage_writes_to_the_control_topic() -> None:
    user = worker_user(settings(lists__flag_share=0), STAGE_ORDER, "user")
    control = next(rule for rule in user.rules if rule.name == "seawall.control")
    assert control.operations == ("Read",)


def test_only_the_desk_reads_cases() -> None:
    readers = {
        user.name
        for user in users(settings())
        for rule in user.rules
        if rule.name == "enforcement.cases" and "Read" in rule.operations
    }
    assert readers == {"seawall-cases"}


def test_a_prefix_never_covers_anothers_ids() -> None:
    """Every prefixed rule ends in a separator, and no other user's id or group begins with it
    unless that user reads the same topic in the same group."""
    for user in users(settings()):
        for rule in user.rules:
            if not rule.prefix:
                continue
            assert rule.name[-1] in ".-"
            for other in users(settings()):
                for theirs in other.rules:
                    if theirs.resource == rule.resource and theirs.name.startswith(rule.name):
                        assert theirs.name == rule.name, (user.name, other.name)


def test_the_charts_users_exist() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    parts = [*values["workers"].values()]
    parts += [values[name] for name in ("librarian", "canary", "topics", "keda")]
    named = {part["kafkaUser"]["username"] for part in parts}
    assert named <= {user.name for user in users(settings())}
    # And what Strimzi needs to know of them is where the chart looks.
    for part in parts:
        user = part["kafkaUser"]
        assert user["passwordSecret"] == {"name": user["username"], "key": "password"}
    assert values["pipeline"]["partitions"] == DEFAULTS["pipeline.partitions"]
    assert values["pipeline"]["replication"] == DEFAULTS["pipeline.replication"]


def test_own_names_and_prefix(tmp_path: Path) -> None:
    config = tmp_path / "seawall.toml"
    config.write_text('[pipeline]\nname = "eu"\ntopic_prefix = "eu."\npartitions = 3\n')
    done = subprocess.run(
        [sys.executable, "-m", "deploy.acls", "--config", config, "--out", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "kafka" / "acls.sh").read_text()
    assert "allow eu-text --operation Read --topic eu.content.events" in text
    assert "--transactional-id eu.media-hashing-eu.content.events-" in text
