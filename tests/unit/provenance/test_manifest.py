"""C2PA manifests: signed, claimed, broken."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matchers.provenance.finding import Finding
from matchers.provenance.reading import ProvenanceReader, manifests_available
from tests.unit.provenance.pictures import authority, saved, signed, source, with_xmp

pytestmark = pytest.mark.skipif(
    not manifests_available(), reason="c2pa-python, the extra provenance, is not installed"
)
FORMS = ["PNG", "JPEG", "WEBP"]
MADE = "trainedAlgorithmicMedia"


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> ProvenanceReader:
    path = tmp_path_factory.mktemp("trust") / "anchors.pem"
    path.write_bytes(authority()[0])
    return ProvenanceReader(path)


@pytest.mark.parametrize("form", FORMS)
def test_a_manifest_of_a_trusted_signer_is_signed(trusting: ProvenanceReader, form) -> None:
    content = signed(saved(form), form, MADE, "Adobe Firefly")
    assert trusting.read(content) == (
        Finding(standing="signed", evidence=f"c2pa: {MADE}", generator="Adobe Firefly"),
    )


@pytest.mark.parametrize("form", FORMS)
def test_without_trust_it_is_only_claimed(form) -> None:
    [found] = ProvenanceReader().read(signed(saved(form), form, MADE))
    assert (found.standing, found.generator) == ("claimed", None)
    assert found.evidence == f"c2pa, signer not on the trust list: {MADE}"


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_was_changed_after_signing_says_nothing(
    trusting: ProvenanceReader, form
) -> None:
    content = bytearray(signed(saved(form), form, MADE))
    content[-30] ^= 1
    assert trusting.read(content) == ()


def test_a_camera_is_no_generator(trusting: ProvenanceReader) -> None:
    [found] = trusting.read(signed(saved("JPEG"), "JPEG", "digitalCapture"))
    assert (found.standing, found.evidence) == ("signed", "c2pa: digitalCapture")
    assert found.generator is None


def test_signed_and_claimed_are_told_apart(trusting: ProvenanceReader) -> None:
    content = signed(with_xmp("JPEG", source("algorithmicMedia")), "JPEG", "digitalCapture")
    assert [(f.standing, f.evidence) for f in trusting.read(content)] == [
        ("signed", "c2pa: digitalCapture"),
        ("claimed", "iptc digital source type: algorithmicMedia"),
    ]


def test_the_names_of_unknown_software_are_not_repeated(trusting: ProvenanceReader) -> None:
    found = trusting.read(signed(saved("PNG"), "PNG", MADE, "Somebody's own words"))
    assert found[0].generator is None
    assert "own words" not in str(found)


def test_trust_anchors_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "anchors.pem"
    path.write_text("nothing of the kind")
    with pytest.raises(ValueError, match="no certificate"):
        ProvenanceReader(path)
    with pytest.raises(OSError, match=r"missing\.pem"):
        ProvenanceReader(tmp_path / "missing.pem")


SIGNED = signed(saved("PNG"), "PNG", MADE) if manifests_available() else b""


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_manifest_is_passed_over(trusting: ProvenanceReader, data) -> None:
    content = bytearray(SIGNED)
    start = content.find(b"jumb")
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(start - 12, min(len(content), start + 8000) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
    for found in trusting.read(content[: data.draw(st.integers(start, len(content)))]):
        assert found.standing in ("signed", "claimed")
