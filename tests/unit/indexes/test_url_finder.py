import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.indexes.url_finder import MAX_FOUND, find_urls, may_hold_url


@pytest.mark.parametrize(
    ("text", "url", "at"),
    [
        (
            "see http://some.example/a?b=c.",
            "http://some.example/a?b=c",
            "http://some.example/a?b=c",
        ),
        ("go to some[.]com/path!", "http://some.com/path", "some[.]com/path"),
        (
            "hxxps://some(.)site dot com/x",
            "https://some.site.com/x",
            "hxxps://some(.)site dot com/x",
        ),
        ("hxxp[:]//some[.]com", "http://some.com", "hxxp[:]//some[.]com"),
        ("h**p://some.com ok", "http://some.com", "h**p://some.com"),
        ("visit some。com", "http://some.com", "some。com"),
        ("SOME DOT COM", "http://SOME.COM", "SOME DOT COM"),
        ("(www.some.co.uk)", "http://www.some.co.uk", "www.some.co.uk"),
        ("at 1.2.3.4/x", "http://1.2.3.4/x", "1.2.3.4/x"),
        ("http://3279880203/x", "http://3279880203/x", "http://3279880203/x"),
        ("http:\\\\some.com\\x", "http://some.com\\x", "http:\\\\some.com\\x"),
    ],
)
def test_an_address_is_found_where_it_stands(text: str, url: str, at: str) -> None:
    assert may_hold_url(text)
    (found,) = find_urls(text)
    assert found.url == url
    assert text[found.start : found.end] == at


@pytest.mark.parametrize(
    "text",
    [
        "an ordinary sentence. And another one.",
        "version 3.5 is out",
        "write to someone@some.com",
        "file.name.unknowntldx",
        "",
    ],
)
def test_other_text_holds_none(text: str) -> None:
    assert find_urls(text) == []


def test_most_sentences_need_no_closer_look() -> None:
    assert not may_hold_url("an ordinary sentence. And another one, at five: yes.")


@given(st.text(max_size=300))
def test_any_text_can_be_searched(text: str) -> None:
    for found in find_urls(text):
        assert 0 <= found.start < found.end <= len(text)


WORDS = st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), max_size=8).map(" ".join)


@given(WORDS, st.sampled_from([".", "[.]", " dot ", "(dot)", "。", "[dot]"]), WORDS)
def test_an_address_is_found_among_words(before: str, dot: str, after: str) -> None:
    text = f"{before} http://some{dot}com/page {after}"
    assert may_hold_url(text)
    assert "http://some.com/page" in [found.url for found in find_urls(text)]


def test_a_flood_is_cut_off() -> None:
    assert len(find_urls("http://some.com " * 1000)) == MAX_FOUND
