"""The JSON Schema (2020-12) of policy files, generated from their types.

python -m streams.policy.schema --write    writes docs/schemas/policy.schema.json
python -m streams.policy.schema --check    fails when it is not current
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streams.contracts.schemas import DIALECT, components
from streams.policy.file import PolicyFile

PATH = Path("docs/schemas/policy.schema.json")


def policy_schema() -> dict[str, Any]:
    """The schema, whole in itself. What it cannot say, `seawall policy check` does: conditions,
    names that must be there, days in order."""
    _, parts = components([PolicyFile], "#/$defs/{name}")
    own = parts.pop(PolicyFile.__name__)
    return {"$schema": DIALECT, "$id": "urn:seawall:schema:policy:1", **own, "$defs": parts}


def policy_schema_text() -> str:
    """The file's text."""
    return json.dumps(policy_schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 when `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m streams.policy.schema")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the file")
    action.add_argument("--check", action="store_true", help="fail when it is not current")
    options = parser.parse_args(arguments)
    if options.write:
        PATH.write_text(policy_schema_text(), encoding="utf-8")
        return 0
    current = PATH.is_file() and PATH.read_text(encoding="utf-8") == policy_schema_text()
    if not current:
        print(f"{PATH}: run python -m streams.policy.schema --write", file=sys.stderr)
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main())
