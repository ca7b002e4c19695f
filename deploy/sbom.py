"""`python -m deploy.sbom requirements/run.txt`: the lock file as a CycloneDX 1.6 bill of materials.

Each pinned line becomes a component with its package URL and the SHA-256 digests that an artefact
of it may have; the condition of a line that holds on some platforms only stands in a property. The
serial number follows from the content, so that the same lock gives the same document.
"""

import argparse
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_NAMESPACE = uuid.UUID("6f1f3d57-3c5d-5a0e-8f0c-6c0e3a3b7a11")


class Unpinned(ValueError):
    """A requirement without a version or a digest; the message says which."""


class Pin(NamedTuple):
    """A locked package. `marker` is the environment that it is for, empty for all."""

    name: str
    version: str
    marker: str
    digests: tuple[str, ...]


def read_lock(text: str) -> list[Pin]:
    """The packages of a lock file. Raises `Unpinned`."""
    pins: list[Pin] = []
    for line in text.replace("\\\n", " ").splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        found = _PIN.match(line)
        digests = tuple(_HASH.findall(line))
        if found is None or not digests:
            raise Unpinned(f"not pinned with its hash: {line[:80]}")
        marker = line.partition(";")[2].split("--hash")[0].strip()
        name = re.sub(r"[-_.]+", "-", found["name"]).lower()
        pins.append(Pin(name, found["version"], marker, digests))
    return pins


def bill(pins: Sequence[Pin], name: str, version: str) -> dict[str, object]:
    """The document, for an application of this name and version."""
    components = [_component(pin) for pin in pins]
    own = f"pkg:pypi/{name}@{version}"
    serial = uuid.uuid5(_NAMESPACE, own + json.dumps(components, sort_keys=True))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": name,
                "version": version,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "compositions": [{"aggregate": "complete", "assemblies": [own]}],
    }


def _component(pin: Pin) -> dict[str, object]:
    purl = f"pkg:pypi/{pin.name}@{pin.version.replace('+', '%2B')}"
    component: dict[str, object] = {
        "type": "library",
        "bom-ref": purl + (f"#{pin.marker}" if pin.marker else ""),
        "name": pin.name,
        "version": pin.version,
        "purl": purl,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in pin.digests],
    }
    if pin.marker:
        component["properties"] = [{"name": "python:marker", "value": pin.marker}]
    return component


def main() -> int:
    """0, or 2 when the lock file cannot be used."""
    parser = argparse.ArgumentParser(prog="deploy.sbom", description=__doc__)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--without", default="", help="packages that are taken out, by commas")
    options = parser.parse_args()
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    out = set(options.without.split(","))
    try:
        pins = [pin for pin in read_lock(options.lock.read_text("utf-8")) if pin.name not in out]
    except (OSError, Unpinned) as error:
        print(f"error: {options.lock}: {error}", file=sys.stderr)
        return 2
    json.dump(bill(pins, project["name"], project["version"]), sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
