"""A listed address is found wherever it stands in a text, whatever it ends with."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matchers.indexes.url_finder import (
    MAX_FOUND,
    MAX_FURTHER_READINGS,
    MAX_READINGS,
    FoundUrl,
    find_urls,
    may_hold_url,
)
from matchers.indexes.urls import listed_digest, lookup_digests

OPEN_AND_CLOSED = [
    *((" ", " "), ("", ""), ("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"), ('"', '"')),
    *(("'", "'"), ("`", "`"), ("*", "*"), ("**", "**"), ("_", "_"), ("~~", "~~"), ("|", "|")),
    *(("“", "”"), ("‘", "’"), ("„", "“"), ("«", "»"), ("‹", "›"), ("「", "」"), ("『", "』")),
    *(
        ("【", "】"),
        ("（", "）"),
        ("《", "》"),
        ("、", "。"),
        ("，", "！"),
        ("。", "？"),
        ("：", "；"),
    ),
    *(("\u200b", "\u200b"), ("—", "—"), ("·", "…"), ("[a](", ")")),
]
LEGAL = "abcXYZ019-._~:/?#[]@!$&'()*+,;=%"
"""RFC 3986: unreserved, reserved, and the escape."""


def readings(text: str) -> list[FoundUrl]:
    assert may_hold_url(text)
    return [reading for found in find_urls(text) for reading in (found, *found.also)]


def is_found(listed: str, text: str) -> bool:
    wanted = listed_digest(listed)
    return any(wanted in lookup_digests(reading.url) for reading in readings(text))


ADDRESS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["http://evil.com/", "https://www.evil.example/v/", "http://evil.com/a?b="]),
    st.text("abcXYZ019-_.", max_size=8),
    st.sampled_from(LEGAL),
)


@given(
    ADDRESS,
    st.sampled_from(OPEN_AND_CLOSED),
    st.sampled_from(["", "look at ", "見て"]),
    st.sampled_from(["", " and more", ".", "!!", "次は", " 次は", ", or not"]),
)
@example("http://evil.com/v/abc_", (" ", " "), "", "")
@example("http://evil.com/a_(b)", ("(", ")"), "", ".")
@example("http://evil.com/a,", ("。", "？"), "", "")
def test_a_listed_address_is_found_whatever_it_ends_with_and_stands_between(
    listed: str, between: tuple[str, str], before: str, after: str
) -> None:
    assert is_found(listed, f"{before}{between[0]}{listed}{between[1]}{after}")


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        ("http://evil.com/path", "evil.com/path日本"),
        ("http://evil.com/path", "見てevil.com/path"),
        ("http://evil.com/path", "見てevil.com/path。次"),
        ("http://evil.com/", "見てevil.com日本"),
        ("http://evil.com/path", "evil.com/path|x"),
        ("http://evil.com/path", "ｅｖｉｌ.ｃｏｍ/path"),
        ("http://evil.com/path", "ｅｖｉｌ．ｃｏｍ／ｐａｔｈ"),
        ("http://evil.com/path", "evil Dot com/path"),
        ("http://evil.com/path", "evil。com/path。Next"),
        ("http://evil.com/path", "(http://evil.com/path)and on"),
        ("http://evil.com/path", "http://good.com/,http://evil.com/path"),
        ("http://evil.com/path", "http://good.com/,http://evil.com/path,https://good.com"),
        ("http://evil.com/päth", "“http://evil.com/päth”"),
        ("http://evil.com/日本", "http://evil.com/日本 を"),
        ("http://evil.com/path", "_http://evil.com/path_"),
    ],
)
def test_a_listed_address_is_found_without_a_space_beside_it(listed: str, text: str) -> None:
    assert is_found(listed, text)


def test_a_reading_says_where_it_stands() -> None:
    text = "see “http://evil.com/v/abc_”, 見てevil.com/x日本"
    spans = {text[reading.start : reading.end]: reading.url for reading in readings(text)}
    assert spans["http://evil.com/v/abc_"] == "http://evil.com/v/abc_"
    assert spans["evil.com/x"] == "http://evil.com/x"


@pytest.mark.parametrize("text", ["write to a_b@evil.com.", "見て a@evil.com。", "v1.2,3.4"])
def test_what_is_no_address_stays_none(text: str) -> None:
    assert find_urls(text) == []


@given(st.text("abc./:,;)(_*日。」”ｅ|` ", max_size=400).map(lambda t: f"http://a.com/{t}"))
@example(("http://a.com/b" + ")" * 50 + "”") * 100)
@example("http://a.com/_,;|" * 500)
def test_readings_are_bounded(text: str) -> None:
    found = find_urls(text)
    assert len(found) <= MAX_FOUND
    assert sum(len(each.also) for each in found) <= MAX_FURTHER_READINGS
    for each in found:
        for reading in (each, *each.also):
            assert 0 <= reading.start < reading.end <= len(text)


def test_an_ordinary_address_has_one_reading() -> None:
    assert [found.also for found in find_urls("see http://some.com/a?b=c and some.com/x")] == [
        (),
        (),
    ]
    (found,) = find_urls("http://some.com/a" + ")." * 500)
    assert len(found.also) < MAX_READINGS
