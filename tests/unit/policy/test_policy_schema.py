"""The JSON Schema of policy files."""

import json
import tomllib
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from streams.policy import schema

FILE = Path(__file__).parents[3] / schema.PATH


def test_the_committed_file_is_current():
    assert FILE.read_text(encoding="utf-8") == schema.policy_schema_text()


def plain(text: str):
    return json.loads(json.dumps(tomllib.loads(text), default=str))


def test_the_default_policy_is_valid():
    text = resources.files("streams.policy").joinpath("default.toml").read_text(encoding="utf-8")
    jsonschema.Draft202012Validator(schema.policy_schema()).validate(plain(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        'version = "1"\nother = 1',
        'version = "1"\n[[rules]]\nid = "a"',
        'version = "1"\n[[scan_basis]]\nscans = ["smell"]',
        'version = "1"\n[[limits]]\nper_day = 0',
        'version = "1"\n[[tests]]\nname = "x"\nexpect = { action = "explode" }',
    ],
)
def test_what_is_no_policy_is_not(text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema.policy_schema()).validate(plain(text))
