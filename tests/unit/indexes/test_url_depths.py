"""What is listed matches everything below it, deep as it is, for a bounded number of look-ups."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.indexes import urls
from matchers.indexes.url_finder import find_urls
from matchers.indexes.urls import (
    MAX_EXPRESSIONS,
    MAX_FORMS,
    expressions,
    listed_digest,
    lookup_digests,
    readings,
)

NAMES = st.sampled_from(["a", "b"])
FOLDERS = st.lists(NAMES, max_size=70)
LABELS = st.lists(NAMES, max_size=20)


def is_listed(listed: str, visited: str) -> bool:
    return listed_digest(listed) in lookup_digests(visited)


def address(labels: list[str], folders: list[str], end: str = "") -> str:
    return f"http://{'.'.join([*labels, 'listed', 'org'])}/{''.join(f'{f}/' for f in folders)}{end}"


def below(listed: str, visited: str) -> bool:
    """By comparing whole labels and whole levels of canonical addresses, one by one."""
    one, other = readings(listed)[0], readings(visited)[0]
    labels, of_visited = one.host.split("."), other.host.split(".")
    if of_visited[-len(labels) :] != labels:
        return False
    if one.target in (other.target, other.path):
        return True
    if one.query is not None or not one.path.endswith("/"):
        return False
    levels = one.path.split("/")[:-1]
    return other.path.split("/")[:-1][: len(levels)] == levels


def within_reach(listed: str, visited: str) -> bool:
    """Whether what is listed lies no deeper than is promised (docs/own-the-lists.md)."""
    host, folders = readings(listed)[0].host, readings(listed)[0].path.count("/")
    if host == readings(visited)[0].host:
        return folders <= MAX_FORMS
    return host.count(".") * folders <= MAX_FORMS


@pytest.mark.parametrize("depth", range(MAX_FORMS))
def test_a_folder_of_any_depth_matches_what_lies_below_it(depth: int) -> None:
    folders = [f"d{level}" for level in range(depth)]
    listed = address([], folders)
    for more in ([], ["x"], ["x"] * 500):
        for labels in ([], ["www"], ["www"] * 30):
            assert is_listed(listed, address(labels, folders + more, "pic.jpg?x=1"))
    if folders:
        assert not is_listed(listed, address([], [*folders[:-1], "other"], "pic.jpg"))
        assert not is_listed(listed, address([], folders[:-1], f"{folders[-1]}x/pic.jpg"))


@pytest.mark.parametrize("count", range(MAX_FORMS - 1))
def test_a_host_of_any_number_of_labels_matches_its_subdomains(count: int) -> None:
    labels = [f"l{place}" for place in range(count)]
    for more in (["x"], ["x", "y"], ["x"] * 500):
        assert is_listed(address(labels, []), address(more + labels, ["any"], "page"))
        assert is_listed(address(labels, [], "page"), address(more + labels, [], "page?x=1"))
    if labels:
        assert not is_listed(address(labels, []), address(labels[1:], []))
        assert not is_listed(address(labels, []), address(["other", *labels[1:]], []))


@given(LABELS, FOLDERS, st.sampled_from(["", "a", "a?b"]), LABELS, FOLDERS, st.data())
def test_it_is_found_exactly_where_comparing_level_by_level_finds_it(
    labels, folders, end, more_labels, more_folders, data
) -> None:
    listed = address(labels, folders, end)
    visited = data.draw(
        st.sampled_from(
            [
                address(more_labels + labels, folders + more_folders, "a?b"),
                address(more_labels + labels, folders, end),
                address(more_labels, more_folders, "a"),
            ]
        )
    )
    found = is_listed(listed, visited)
    if not below(listed, visited):
        assert not found
    elif not end and folders and not within_reach(listed, visited):
        pass  # deeper than is promised: only the very folder is sure to be found
    else:
        assert found


@given(st.text(max_size=100), LABELS, FOLDERS, st.sampled_from(["", "a", "a?b/c", "?"]))
def test_digests_are_those_of_the_expressions(text, labels, folders, end) -> None:
    for url in (text, address(labels, folders, end)):
        wanted = [
            hashlib.sha256(expression.encode()).digest()
            for reading in readings(url)
            for expression in expressions(reading)
        ]
        assert lookup_digests(url) == list(dict.fromkeys(wanted))


class _Counted:
    """`hashlib`, counting what is hashed and how often that is asked."""

    def __init__(self) -> None:
        self.octets = self.digests = 0

    def sha256(self, begin: bytes = b"") -> "_CountedState":
        state = _CountedState(self)
        state.update(begin)
        return state


class _CountedState:
    def __init__(self, counted: _Counted) -> None:
        self._counted, self._state = counted, hashlib.sha256()

    def update(self, more: bytes) -> None:
        self._counted.octets += len(more)
        self._state.update(more)

    def digest(self) -> bytes:
        self._counted.digests += 1
        return self._state.digest()


@pytest.mark.parametrize(
    "url",
    [
        "http://listed.org/" + "a/" * 50_000,
        "http://" + "a." * 50_000 + "listed.org/",
        "http://" + "a." * 25_000 + "listed.org/" + "a/" * 25_000 + "?" + "q" * 1000,
        "http://" + "a." * 60 + "listed.org/" + "a/" * 50_000 + "page?x",
        "http://listed.org/?" + "a/" * 50_000,
    ],
)
def test_a_long_address_costs_no_more_look_ups(url: str, monkeypatch) -> None:
    counted = _Counted()
    monkeypatch.setattr(urls, "hashlib", counted)
    assert len(lookup_digests(url)) <= MAX_EXPRESSIONS < 600
    assert counted.digests <= MAX_EXPRESSIONS
    assert counted.octets <= (MAX_FORMS + 1) * len(url), "each host form goes over it once"


def test_an_ordinary_address_costs_what_it_did() -> None:
    assert len(lookup_digests("https://www.some.org/a/b/page.html?x=1")) == 2 * 5
    assert len(lookup_digests("https://some.org/")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "see listed.org./gallery/x ok",
        "(listed.org./gallery/)",
        "LISTED.org.:8080/gallery/",
        "listed.org.\\gallery\\x",
        "listed.org../gallery/x",
    ],
)
def test_the_dot_of_the_root_stands_before_a_path_without_a_scheme_too(text: str) -> None:
    wanted = listed_digest("http://listed.org/gallery/")
    found = [each for first in find_urls(text) for each in (first, *first.also)]
    assert any(wanted in lookup_digests(each.url) for each in found)


def test_a_dot_that_ends_a_sentence_is_not_of_the_address() -> None:
    for text in ("it is at listed.org. And", "at listed.org.", "listed.org...", "listed.org.:)"):
        assert [found.url for found in find_urls(text)] == ["http://listed.org"]
