"""JSON Schemas (2020-12) of the contracts, generated from their types.

python -m streams.contracts.schemas --write    writes docs/schemas/
python -m streams.contracts.schemas --check    fails when docs/schemas/ is not current
"""

import argparse
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from streams.contracts.asyncapi import asyncapi_document
from streams.contracts.dead_letter import DeadLetter
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent, Media, MediaHashes

DIRECTORY = Path("docs/schemas")
DIALECT = "https://json-schema.org/draft/2020-12/schema"

CONTRACTS: dict[str, type[Struct]] = {
    "content-event": ContentEvent,
    "envelope": Envelope,
    "decision": Decision,
    "dead-letter": DeadLetter,
}
"""The file name (without ending) of each contract's schema."""


def _given(name: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


def _filled(name: str, minimum: dict[str, Any]) -> dict[str, Any]:
    return {"required": [name], "properties": {name: minimum}}


_DIGESTS = ("md5", "sha1", "sha256", "pdq", "phash", "dhash")
_RULES: dict[str, dict[str, Any]] = {
    Media.__name__: {
        "oneOf": [_given(name) for name in ("hashes", "uri", "inline")],
        "if": _given("hashes"),
        "then": _given("hash_origin"),
    },
    MediaHashes.__name__: {
        "anyOf": [
            *(_given(name) for name in _DIGESTS),
            _filled("frames", {"minItems": 1}),
            _filled("opaque", {"minProperties": 1}),
        ]
    },
    ContentEvent.__name__: {
        "if": {"required": ["encrypted"], "properties": {"encrypted": {"const": True}}},
        "then": {
            "not": _given("text"),
            "properties": {"media": {"items": _given("hashes")}},
        },
    },
}
"""What the types check in `__post_init__`, which msgspec cannot see. Tests hold both together."""


def components(
    types: Sequence[type[Struct]], ref_template: str
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The schemas of `types`, and all that they refer to by `ref_template` (with `{name}`)."""
    roots, parts = msgspec.json.schema_components(types, ref_template=ref_template)
    for name, part in parts.items():
        part.update(_RULES.get(name, {}))
        _tidy(part)
    return list(roots), parts


def _tidy(node: object) -> None:
    """Docstrings lose their indentation, unions OpenAPI's `discriminator`: JSON Schema has none,
    and each variant already names its tag."""
    if isinstance(node, dict):
        schema = cast("dict[str, object]", node)
        description = schema.get("description")
        if isinstance(description, str):
            schema["description"] = inspect.cleandoc(description)
        if "anyOf" in schema:
            schema.pop("discriminator", None)
        for inner in schema.values():
            _tidy(inner)
    elif isinstance(node, list):
        for inner in cast("list[object]", node):
            _tidy(inner)


def json_schema(name: str) -> dict[str, Any]:
    """The schema of one of `CONTRACTS`, whole in itself."""
    _, parts = components([CONTRACTS[name]], "#/$defs/{name}")
    own = parts.pop(CONTRACTS[name].__name__)
    return {"$schema": DIALECT, "$id": f"urn:seawall:schema:{name}:1", **own, "$defs": parts}


def documents() -> dict[str, str]:
    """File name → text, for every file in `DIRECTORY`."""
    found: dict[str, Any] = {f"{name}.schema.json": json_schema(name) for name in CONTRACTS}
    roots, parts = components(list(CONTRACTS.values()), "#/components/schemas/{name}")
    found["asyncapi.json"] = asyncapi_document(dict(zip(CONTRACTS, roots, strict=True)), parts)
    return {
        name: json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for name, document in found.items()
    }


def differences(directory: Path) -> list[str]:
    """What in `directory` is not as generated, one line each; empty when all is current."""
    expected = documents()
    found: list[str] = []
    for name, text in expected.items():
        path = directory / name
        if not path.is_file():
            found.append(f"{path}: missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{path}: not what the types in streams/contracts give")
    if directory.is_dir():
        found += [
            f"{path}: not generated from any type"
            for path in sorted(directory.glob("*.json"))
            if path.name not in expected
        ]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 when `--check` finds a difference."""
    parser = argparse.ArgumentParser(
        prog="python -m streams.contracts.schemas",
        description="Generates the JSON Schemas and the AsyncAPI document of the contracts.",
    )
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the files")
    action.add_argument("--check", action="store_true", help="fail when a file is not current")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="default: %(default)s")
    options = parser.parse_args(arguments)
    directory: Path = options.directory
    if options.write:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in documents().items():
            (directory / name).write_text(text, encoding="utf-8")
        print(f"wrote {len(documents())} files to {directory}")
        return 0
    found = differences(directory)
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print("run: python -m streams.contracts.schemas --write", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
