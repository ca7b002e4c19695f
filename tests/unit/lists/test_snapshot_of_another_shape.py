"""A snapshot that is whole, but says other things of itself than this version does, is refused by
name; or it opens, and answers."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crc32c import crc32c

from matchers.indexes.flat_file import UnusableFile
from matchers.lists.csv_format import UnreadableList
from matchers.lists.entry import ListEntry
from matchers.lists.loader import load_matcher
from matchers.lists.matcher import ListMatcher
from matchers.lists.snapshot import compile_snapshot, open_snapshot
from tests.unit.lists.test_snapshot import INFOS, NOW, RADII, WIDTHS, answers, value

TAIL = struct.Struct("<QQI8s")
GONE = object()
INSTEAD: list[Any] = [
    GONE,
    None,
    "zz",
    "O",
    "|O",
    "<u8",
    "|V8",
    -1,
    0,
    1,
    3,
    10**6,
    2**63 - 1,
    [],
    {},
]
Place = tuple[str | int, ...]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("s") / "lists.snapshot"
    entries = [
        ListEntry(
            list=("one", "two")[seed % 2],
            id=f"i{seed}",
            algorithm=algorithm,
            value=value(algorithm, seed),
            category=("known", "other")[seed % 2],
            labels=(f"l{seed}",),
        )
        for algorithm in WIDTHS
        for seed in range(3)
    ]
    compile_snapshot(path, INFOS, entries)
    return path.read_bytes()


def contents(whole: bytes) -> Any:
    at, length, _, _ = TAIL.unpack_from(whole, len(whole) - TAIL.size)
    return json.loads(whole[at : at + length])


def with_contents(whole: bytes, encoded: bytes) -> bytes:
    """The same sections, described otherwise, with the right checksum."""
    at, _, _, end = TAIL.unpack_from(whole, len(whole) - TAIL.size)
    return whole[:at] + encoded + TAIL.pack(at, len(encoded), crc32c(encoded), end)


def places(node: Any, here: Place = ()) -> Iterator[Place]:
    if here:
        yield here
    inner = node.items() if isinstance(node, dict) else ()
    for key, child in enumerate(node) if isinstance(node, list) else inner:
        yield from places(child, (*here, key))


def changed(whole: bytes, place: Place, instead: Any) -> bytes:
    told = contents(whole)
    node = told
    for key in place[:-1]:
        node = node[key]
    if instead is GONE:
        del node[place[-1]]
    else:
        node[place[-1]] = instead
    return with_contents(whole, json.dumps(told).encode())


def opened(path: Path, octets: bytes) -> ListMatcher | None:
    path.write_bytes(octets)
    try:
        return open_snapshot(path, loaded_at=NOW, radii=RADII)
    except UnusableFile as error:
        if str(path) not in str(error):
            raise
        return None


def test_whatever_is_said_otherwise(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "lists.snapshot"
    told = contents(whole)
    refused = 0
    # Sections of one algorithm, besides all that is said of the whole, keep this short.
    few = ("md5.", "pdq.", "vpdq.", "minhash.")
    for place in places(told):
        described = place[0] == "sections" and len(place) > 1
        if described and not told["sections"][place[1]]["name"].startswith(few):
            continue
        for instead in INSTEAD:
            matcher = opened(path, changed(whole, place, instead))
            if matcher is None:
                refused += 1
            else:
                answers(matcher)
    assert refused > 1000


def test_sections_that_are_missing_or_of_other_shapes(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "lists.snapshot"
    for number, section in enumerate(contents(whole)["sections"]):
        shape = section["shape"]
        for instead in ([*shape, 1], [shape[0] - 1, *shape[1:]], [1, *shape], [0] * len(shape)):
            if instead != shape and 0 not in shape:
                assert opened(path, changed(whole, ("sections", number, "shape"), instead)) is None
        assert opened(path, changed(whole, ("sections", number), GONE)) is None
        other = {"|u1": "|i1", "<u2": "<i2", "<u4": "<i4", "<u8": "<i8"}[section["dtype"]]
        for dtype in (other, "O", "zz", ">u8", "|V1"):
            assert opened(path, changed(whole, ("sections", number, "dtype"), dtype)) is None


@pytest.mark.parametrize(
    "encoded",
    [b"\xff", b'{"kind": "\xff"}', b"[" * 100_000, b"{}", b"null", b""],
    ids=["bytes", "text", "deep", "empty", "null", "nothing"],
)
def test_contents_that_are_none(whole: bytes, tmp_path: Path, encoded: bytes) -> None:
    assert opened(tmp_path / "lists.snapshot", with_contents(whole, encoded)) is None


def test_meta_that_is_nested_deeply(whole: bytes, tmp_path: Path) -> None:
    told = json.dumps(contents(whole)).encode()
    deep = told.replace(
        b'"meta": {', b'"meta": {"more": ' + b"[" * 90_000 + b"]" * 90_000 + b", ", 1
    )
    opened(tmp_path / "lists.snapshot", with_contents(whole, deep))


def test_the_loader_says_what_to_do(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "lists.snapshot"
    for place in (("meta", "counts"), ("sections", 0)):
        path.write_bytes(changed(whole, place, GONE))
        with pytest.raises(UnreadableList, match=r"lists\.snapshot: made by another version"):
            load_matcher([path], loaded_at=NOW)
    path.write_bytes(changed(whole, ("meta", "algorithms", 0), "other"))
    with pytest.raises(UnreadableList, match="compile it anew"):
        load_matcher([path], loaded_at=NOW)
