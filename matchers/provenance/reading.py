"""All that a file says of its making."""

import importlib.util
from itertools import islice
from pathlib import Path

from matchers.provenance.finding import MAX_FINDINGS, Finding
from matchers.provenance.metadata import claims


class ProvenanceReader:
    """Reads files of any size that is in memory. Nothing that a file holds makes it raise; a file
    that breaks the C2PA library itself ends the process, which is why it runs in a decoder."""

    def __init__(self, trust_anchors: Path | None = None) -> None:
        """`trust_anchors` as for `ManifestReader`. Without c2pa-python, the extra `provenance`,
        only metadata is read.

        Raises `OSError` or `ValueError` for a file of trust anchors that cannot be used.
        """
        self._manifests = None
        if manifests_available():
            from matchers.provenance.manifest import ManifestReader

            self._manifests = ManifestReader(trust_anchors)
        elif trust_anchors is not None:
            raise ValueError("trust anchors need c2pa-python: install the extra provenance")

    def read(self, content: bytes | bytearray) -> tuple[Finding, ...]:
        """What the file says, signed things first; empty when it says nothing."""
        found: dict[Finding, None] = {}
        if self._manifests is not None:
            found.update(dict.fromkeys(islice(self._manifests.findings(content), MAX_FINDINGS)))
        for claim in claims(content):
            if len(found) >= MAX_FINDINGS:
                break
            found.setdefault(claim)
        return tuple(sorted(found, key=lambda finding: finding.standing != "signed"))


def manifests_available() -> bool:
    """Whether c2pa-python is installed."""
    return importlib.util.find_spec("c2pa") is not None
