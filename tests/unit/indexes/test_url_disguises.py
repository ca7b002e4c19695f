"""A listed address is found in the disguises that people put on it, and in what leads to it."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matchers.indexes.disguise import INVISIBLE, plainer_texts
from matchers.indexes.url_finder import (
    MAX_FOUND,
    find_urls,
    further_readings,
    may_hold_url,
    search_urls,
)
from matchers.indexes.urls import MAX_NESTED, listed_digest, lookup_digests, nested

LISTED = "http://evil.com/gallery/"
ADDRESS = "evil.com/gallery/p"


def is_found(text: str, listed: str = LISTED) -> bool:
    wanted = listed_digest(listed)
    return may_hold_url(text) and any(
        wanted in lookup_digests(reading.url)
        for found in find_urls(text)
        for reading in (found, *found.also)
    )


def is_given(url: str, listed: str = LISTED) -> bool:
    wanted = listed_digest(listed)
    return any(wanted in lookup_digests(each) for each in (url, *further_readings(url).urls))


def test_invisible_are_all_format_characters_of_unicode() -> None:
    formats = {c for c in range(0x80, 0x110000) if unicodedata.category(chr(c)) == "Cf"}
    assert formats <= INVISIBLE


@given(
    st.sampled_from(["", "http://"]),
    st.lists(
        st.tuples(st.integers(0, len(ADDRESS)), st.sampled_from(sorted(INVISIBLE))),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["", "look at "]),
)
@example("", [(4, 0x200B)], "")
@example("", [(4, 0xFE0F)], "")
@example("http://", [(2, 0x200E)], "")
def test_invisible_characters_hide_nothing(
    scheme: str, hidden: list[tuple[int, int]], before: str
) -> None:
    address = ADDRESS
    for at, code in sorted(hidden, reverse=True):
        address = address[:at] + chr(code) + address[at:]
    assert is_found(before + scheme + address)
    assert is_given(scheme + address)


@pytest.mark.parametrize("code", [0xAD, 0x200B, 0x200E, 0x2060, 0x202E, 0xFE0F, 0xE0041])
def test_invisible_characters_in_a_name_are_no_part_of_it(code: int) -> None:
    assert listed_digest(LISTED) in lookup_digests(f"http://ev{chr(code)}il.com/gallery/p")


@pytest.mark.parametrize(
    "text",
    [
        *("-evil.com/gallery/p", "@evil.com/gallery/p", ".evil.com/gallery/p"),
        *("look...evil.com/gallery/p", "->evil.com/gallery/p", "-http://evil.com/gallery/p"),
        *("me@evil.com:80/gallery/p", "(@evil.com/gallery/p)", "..evil.com/gallery/p"),
    ],
)
def test_marks_before_an_address_hide_nothing(text: str) -> None:
    assert is_found(text)


@pytest.mark.parametrize("text", ["me@evil.com", "a.b@evil.com, c-d@evil.com", "me@evil.com?x"])
def test_e_mail_addresses_are_none(text: str) -> None:
    assert find_urls(text) == []


def test_every_compatibility_form_of_a_letter_or_digit_is_read() -> None:
    for code in range(0xA0, 0x110000):
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1 and plain.isascii() and plain.isalnum() and not 0xFF00 < code < 0xFF5F:
            assert plainer_texts(f"a{chr(code)}b")[0].text == f"a{plain}b"


def shifted(first: int) -> dict[int, int]:
    return {0x61 + at: first + at for at in range(26)}


@pytest.mark.parametrize(
    "text",
    [
        *(ADDRESS.translate(shifted(first)) for first in (0x24D0, 0x1D41A, 0x1D5EE, 0x1F150)),
        "ⓔvil.com/gallery/p",
        "evil.ⓒⓞⓜ/gallery/p",
        *(f"evil{dot}com/gallery/p" for dot in "·•﹒․。"),
        *(ADDRESS.replace("/", slash) for slash in "⁄∕／"),
        "http:⁄⁄evil.com⁄gallery⁄p",
        *("http://ev**il**.com/gallery/p", "**ev**il.com/gallery/p", "e~~vi~~l.com/gallery/p"),
        "evil.com/gal**lery**/p",
    ],
)
def test_styled_letters_look_alikes_and_marks_hide_nothing(text: str) -> None:
    assert is_found(text)
    assert is_found(f"look: {text} ")
    assert is_given(text)


@pytest.mark.parametrize(
    "text",
    [
        *("evil . com/gallery/p", "evil .com/gallery/p", "evil. com/gallery/p"),
        *("evil d0t com/gallery/p", "evil [d0t] com/gallery/p", "evil*dot*com/gallery/p"),
        "It is good. Look at evil . com/gallery/p and see",
    ],
)
def test_what_is_written_for_a_human_is_read(text: str) -> None:
    assert is_found(text)


@pytest.mark.parametrize("text", ["look at evil. com", "evil . com", "Look. evil .com is good"])
def test_a_name_with_a_space_in_it_is_read_at_the_end(text: str) -> None:
    assert is_found(text, "http://evil.com/")


@pytest.mark.parametrize(
    "text", ["It is late. Thanks", "Good. And/or not", "no . nothing/two", ". "]
)
def test_sentences_are_no_addresses(text: str) -> None:
    assert find_urls(text) == []
    assert not may_hold_url(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://search.example/url?q=http://evil.com/gallery/p",
        "https://search.example/url?q=http://evil.com/gallery/p&sa=D",
        "https://out.example/?u=http%3A%2F%2Fevil.com%2Fgallery%2Fp&h=1",
        "https://out.example/?u=HTTP%253a%252F%252Fevil.com%252Fgallery%252Fp",
        "https://out.example/?u=%68ttp%3A%2F%2Fevil.com%2Fgallery%2Fp",
        "https://archive.example/web/2020/http://evil.com/gallery/p",
        "https://archive.example/web/2020/https:/evil.com/gallery/p",
        "https://a.example/?u=https://b.example/?u=http://evil.com/gallery/p",
    ],
)
def test_an_address_that_another_leads_to_is_read(url: str) -> None:
    assert is_found(f"see ({url}).")
    assert is_given(url)


def test_a_nested_address_ends_at_the_next_parameter() -> None:
    assert is_given("https://a.example/?u=http://evil.com/p&x=1", "http://evil.com/p")
    assert is_given("https://a.example/?u=http%3A%2F%2Fevil.com%2Fp%3Fa%26b&x", "evil.com/p?a&b")


def test_ordinary_addresses_have_no_further_reading() -> None:
    for url in ("https://some.com/a?b=c#d", "some.com/x", "http://some.com/日本", "http://a/%20b"):
        assert further_readings(url) == ([], False)


@pytest.mark.parametrize(
    "url",
    [
        "hxxps://evil[.]com/gallery/p",
        "(http://evil.com/gallery/p)",
        "-evil.com/gallery/p",
    ],
)
def test_disguised_addresses_that_are_given_are_read_as_in_a_text(url: str) -> None:
    assert is_given(url)


@pytest.mark.parametrize("last", ["http://evil.com/gallery/p", "evil.com/gallery/p"])
def test_bare_names_do_not_push_out_a_full_address(last: str) -> None:
    text = " ".join(f"a{at}.com" for at in range(10 * MAX_FOUND)) + f" {last}"
    assert is_found(text)
    found = search_urls(text)
    assert (len(found.urls), found.cut) == (MAX_FOUND, True)
    assert [each.start for each in found.urls] == sorted(each.start for each in found.urls)


def test_what_is_left_out_is_said() -> None:
    full = [f"http://a{at}.com/" for at in range(MAX_FOUND)]
    assert not search_urls(" ".join(full)).cut
    assert search_urls(" ".join([*full, LISTED])).cut
    assert search_urls(" ".join([*full, "some.com"])).cut
    assert search_urls(" ".join(f"http://a{at}.com/a).,_" for at in range(MAX_FOUND))).cut
    assert not nested("http://a.com/?" + "&http://b.com" * MAX_NESTED).cut
    assert nested("http://a.com/?" + "&http://b.com" * (MAX_NESTED + 1)).cut
    assert search_urls("http://a.com/?" + "&http://b.com" * (MAX_NESTED + 1)).cut


@given(st.text(st.sampled_from("ab.co /*_~|`\u200b\ufe0fⓐ𝐚⁄·．。\n:@-"), max_size=60))
def test_a_plainer_text_says_where_its_characters_stood(text: str) -> None:
    for form, places in plainer_texts(text):
        assert len(form) == len(places)
        assert places == sorted(places)
        assert all(0 <= place < len(text) for place in places)
    for found in find_urls(text):
        for reading in (found, *found.also):
            assert 0 <= reading.start < reading.end <= len(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("see ev\u200bil.com/x now", "ev\u200bil.com/x"),
        ("see evil . com/x now", "evil . com/x"),
        ("see ⓔⓥⓘⓛ.com/x\u200b now", "ⓔⓥⓘⓛ.com/x"),
        ("see e**vi**l.com/x now", "e**vi**l.com/x"),
    ],
)
def test_an_undisguised_address_is_told_where_it_stands(text: str, at: str) -> None:
    spans = {
        text[reading.start : reading.end]
        for found in find_urls(text)
        for reading in (found, *found.also)
        if reading.url == "http://evil.com/x"
    }
    assert at in spans
