"""What a file's C2PA manifest says of its making (Coalition for Content Provenance and
Authenticity, technical specification 2.2). Needs c2pa-python, the extra `provenance`."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from c2pa import C2paError, Context, Reader
from c2pa import Settings as ReaderSettings

from matchers.provenance.finding import Finding
from matchers.provenance.vocabulary import generator_named, is_generated, source_type

MARKS = (b"jumb", b"c2pa")
"""A file without these words holds no manifest (ISO/IEC 19566-5 boxes), and is not read further."""
MAX_ACTIONS = 256

FORMATS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
)


class ManifestReader:
    """Reads manifests against a local trust list. It never goes to the network: manifests that
    stand elsewhere and revocation lists are not fetched."""

    def __init__(self, trust_anchors: Path | None) -> None:
        """`trust_anchors` is a PEM file of certificates; without it nobody is trusted.

        Raises `OSError` for a file that cannot be read, `ValueError` for one of no certificates.
        """
        settings: dict[str, Any] = {
            "verify": {
                "verify_trust": True,
                "remote_manifest_fetch": False,
                "ocsp_fetch": False,
            }
        }
        if trust_anchors is not None:
            pem = trust_anchors.read_text(encoding="utf-8")
            if "-----BEGIN CERTIFICATE-----" not in pem:
                raise ValueError(f"{trust_anchors}: holds no certificate in PEM")
            settings["trust"] = {"trust_anchors": pem}
        try:
            self._context = Context(settings=ReaderSettings.from_json(json.dumps(settings)))
        except C2paError as error:
            raise ValueError(f"{trust_anchors}: cannot be used: {error}") from error

    def findings(self, content: bytes | bytearray) -> Iterator[Finding]:
        """What the file's active manifest says. A manifest that does not hold, since the file was
        changed after it was signed, says nothing."""
        media_type = _format(content)
        if media_type is None or not all(mark in content for mark in MARKS):
            return
        try:
            reader = Reader.try_create(
                media_type, io.BytesIO(content), context=cast(Any, self._context)
            )
            if reader is None:
                return
            with reader:
                state = str(reader.get_validation_state())
                manifest = _active(json.loads(reader.json()))
        except (C2paError, ValueError):
            return
        if state not in ("Trusted", "Valid") or manifest is None:
            return
        yield from _said(manifest, trusted=state == "Trusted")


def _said(manifest: dict[str, Any], *, trusted: bool) -> Iterator[Finding]:
    standing = "signed" if trusted else "claimed"
    where = "c2pa" if trusted else "c2pa, signer not on the trust list"
    name = _generator(manifest)
    codes = list(dict.fromkeys(_source_types(manifest)))
    for code in codes:
        yield Finding(
            standing=standing,
            evidence=f"{where}: {code}",
            generator=name if is_generated(code) else None,
        )
    if not codes:
        words = f"{where}: {name}" if name else f"{where}: no digital source type"
        yield Finding(standing=standing, evidence=words, generator=name)


def _active(store: Any) -> dict[str, Any] | None:
    try:
        return store["manifests"][store["active_manifest"]]
    except (KeyError, TypeError):
        return None


def _source_types(manifest: dict[str, Any]) -> Iterator[str]:
    """Of the actions by which the picture was made, and of its metadata assertions."""
    for assertion in _dicts(manifest.get("assertions")):
        label, data = str(assertion.get("label", "")), assertion.get("data")
        if not isinstance(data, dict):
            continue
        said = cast("dict[str, Any]", data)
        values: list[Any] = []
        if label.startswith("c2pa.actions"):
            actions = _dicts(said.get("actions"))[:MAX_ACTIONS]
            values = [action.get("digitalSourceType") for action in actions]
        elif "metadata" in label:
            values = [said.get("Iptc4xmpExt:DigitalSourceType")]
        for value in values:
            code = source_type(value) if isinstance(value, str) else None
            if code is not None:
                yield code


def _generator(manifest: dict[str, Any]) -> str | None:
    names = [str(info.get("name", "")) for info in _dicts(manifest.get("claim_generator_info"))]
    names.append(str(manifest.get("claim_generator") or ""))
    return next((found for name in names if (found := generator_named(name))), None)


def _dicts(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [
        cast("dict[str, Any]", one) for one in cast("list[Any]", value) if isinstance(one, dict)
    ]


def _format(content: bytes | bytearray) -> str | None:
    return next(
        (name for at, mark, name in FORMATS if content[at : at + len(mark)] == mark),
        None,
    )
