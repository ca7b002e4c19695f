import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from streams.contracts import schemas
from streams.contracts.asyncapi import CHANNELS
from streams.contracts.dead_letter import BadRecord
from streams.contracts.decoding import EventDecoder
from streams.contracts.values import ACTIONS
from tests.unit.contracts.examples import FULL, MINIMAL, mutated_events
from tests.unit.contracts.samples import DEAD_LETTER, DECISION, ENVELOPE

VALIDATORS = {name: Draft202012Validator(schemas.json_schema(name)) for name in schemas.CONTRACTS}
EVENT = VALIDATORS["content-event"]


@pytest.mark.parametrize("name", schemas.CONTRACTS)
def test_each_schema_is_a_schema(name: str):
    Draft202012Validator.check_schema(schemas.json_schema(name))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content-event", MINIMAL),
        ("content-event", FULL),
        ("envelope", ENVELOPE),
        ("decision", DECISION),
        ("dead-letter", DEAD_LETTER),
    ],
)
def test_examples_are_valid(name: str, value: Any):
    VALIDATORS[name].validate(json.loads(msgspec.json.encode(value)))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "new"},
        {"event_id": ""},
        {"author": {}},
        {"media": [{"media_id": "m", "media_type": "image/png"}]},
        {"media": [{"media_id": "m", "media_type": "a", "uri": "s3://a", "inline": ""}]},
        {"media": [{"media_id": "m", "media_type": "a", "hashes": {"md5": "0" * 32}}]},
        {
            "media": [
                {"media_id": "m", "media_type": "a", "hashes": {}, "hash_origin": "server"},
            ]
        },
        {"encrypted": True},
        {"encrypted": True, "text": None},
    ],
)
def test_what_the_decoder_refuses_is_invalid(changes: dict[str, Any]):
    assert not EVENT.is_valid({**FULL, **changes})
    with pytest.raises(BadRecord):
        EventDecoder().decode(json.dumps({**FULL, **changes}).encode())


@given(mutated_events())
def test_the_schema_and_the_decoder_agree(event: dict[str, Any]):
    valid = EVENT.is_valid(event)
    try:
        EventDecoder().decode(json.dumps(event).encode())
    except BadRecord as found:
        # A schema's formats are notes, not checks; and 1.0 is an integer to it.
        beyond_schemas = (
            "RFC 3339" in found.message
            or "offset" in found.message
            or "in UTC" in found.message
            or found.message == "must be base64"
            or "is float" in found.message
        )
        assert beyond_schemas or not valid
    else:
        assert valid


def test_descriptions_come_from_the_docstrings():
    event = schemas.json_schema("content-event")
    assert event["description"].startswith("One thing that happened to one piece of content.\n\n`")
    assert "\n    " not in json.dumps(event)


def test_the_committed_files_are_current():
    assert schemas.differences(Path(__file__).parents[3] / schemas.DIRECTORY) == []


def test_check_says_what_is_not_current_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    place = ["--directory", str(tmp_path / "schemas")]
    assert schemas.main(["--check", *place]) == 1
    assert "asyncapi.json: missing" in capsys.readouterr().err
    assert schemas.main(["--write", *place]) == 0
    assert schemas.main(["--check", *place]) == 0
    (tmp_path / "schemas" / "decision.schema.json").write_text("{}")
    (tmp_path / "schemas" / "old.json").write_text("{}")
    capsys.readouterr()
    assert schemas.main(["--check", *place]) == 1
    said = capsys.readouterr().err
    assert "decision.schema.json: not what the types" in said
    assert "old.json: not generated" in said
    assert "schemas --write" in said


ASYNCAPI = json.loads(schemas.documents()["asyncapi.json"])


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for inner in node.values() for ref in references(inner)]
    if isinstance(node, list):
        return [ref for inner in node for ref in references(inner)]
    return []


def resolved(reference: str) -> Any:
    assert reference.startswith("#/")
    node: Any = ASYNCAPI
    for step in reference[2:].split("/"):
        node = node[step]
    return node


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    found = references(ASYNCAPI)
    assert found
    for reference in found:
        assert resolved(reference) is not None


def test_the_asyncapi_document_has_the_structure_of_version_3():
    """After the specification's tables of required and allowed fields."""
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= ASYNCAPI["info"].keys()
    for channel in ASYNCAPI["channels"].values():
        assert channel.keys() <= {"address", "description", "messages", "bindings"}
        assert channel["bindings"]["kafka"]["topic"] == channel["address"]
    for operation in ASYNCAPI["operations"].values():
        assert operation["action"] in ("send", "receive")
        channel_reference = operation["channel"]["$ref"]
        assert channel_reference.startswith("#/channels/")
        for message in operation.get("messages", []):
            # An operation's messages must point into its own channel.
            assert message["$ref"].startswith(f"{channel_reference}/messages/")
    for message in ASYNCAPI["components"]["messages"].values():
        assert message.keys() >= {"name", "payload", "contentType"}
        assert message.get("headers", {"type": "object"})["type"] == "object"
    assert "discriminator" not in json.dumps(ASYNCAPI)


def test_the_asyncapi_document_names_every_topic():
    assert {c["address"] for c in ASYNCAPI["channels"].values()} == {c.topic for c in CHANNELS}
    decisions = resolved("#/channels/enforcement.decisions/messages/decision")
    headers = resolved(decisions["$ref"])["headers"]["properties"]
    assert headers["seawall-action"]["enum"] == list(ACTIONS)


def test_the_payloads_of_the_asyncapi_document_validate_examples():
    for name, value in (("content-event", FULL), ("envelope", ENVELOPE), ("decision", DECISION)):
        payload = ASYNCAPI["components"]["messages"][name]["payload"]
        schema = {**payload, "components": ASYNCAPI["components"]}
        Draft202012Validator(schema).validate(json.loads(msgspec.json.encode(value)))
