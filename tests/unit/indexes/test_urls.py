import hashlib

import can_ada
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matchers.indexes.urls import (
    MAX_EXPRESSIONS,
    canonical,
    expressions,
    listed_digest,
    lookup_digests,
    readings,
)


def found(url: str) -> set[str]:
    return {str(reading) for reading in readings(url)}


def is_listed(listed: str, visited: str) -> bool:
    return listed_digest(listed) in lookup_digests(visited)


def test_expressions_are_those_of_the_safe_browsing_documentation_and_longer_hosts() -> None:
    assert set(expressions(readings("http://a.b.c/1/2.html?param=1")[0])) == {
        "a.b.c/1/2.html?param=1",
        "a.b.c/1/2.html",
        "a.b.c/",
        "a.b.c/1/",
        "b.c/1/2.html?param=1",
        "b.c/1/2.html",
        "b.c/",
        "b.c/1/",
    }
    assert set(expressions(readings("http://a.b.c.d.e.f.g/1.html")[0])) == {
        f"{host}/{path}"
        for host in ("a.b.c.d.e.f.g", "b.c.d.e.f.g", "c.d.e.f.g", "d.e.f.g", "e.f.g", "f.g")
        for path in ("1.html", "")
    }
    assert set(expressions(readings("http://1.2.3.4/1/")[0])) == {"1.2.3.4/1/", "1.2.3.4/"}


@pytest.mark.parametrize(
    ("listed", "visited"),
    [
        ("http://bad.example/", "https://www.bad.example/any/page?x=1"),
        ("bad.example/page", "http://bad.example/page?session=2"),
        ("http://bad.example/dir/", "http://bad.example/dir/file"),
        ("http://bad.example/page", "hTTp://BAD.example:8080/./x/..//page#top"),
        ("http://bad.example/page", "http://user:secret@bad.example/%70%61%67%65"),
        ("http://bad.example/page", "http://bad.example/%2525252570age"),
        ("http://bad.example/page", "http://good.example\\@bad.example/page"),
        ("http://good.example/", "http://good.example\\@bad.example/page"),
        ("http://bad.example/page", "http:/\\bad.example\\page"),
        ("http://bad.example/page", "\thttp://bad.exa\nmple/page "),
        ("http://bad.example/page", "http://bad.example%2fpage"),
        ("http://bad.example/", "http://bad。example"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/x"),
        ("http://faß.example/", "http://faß.example/"),
        ("http://fass.example/", "http://faß.example/"),
        ("http://195.127.0.11/", "http://3279880203/x"),
        ("http://195.127.0.11/", "http://0xC3.0177.11/x"),
        ("http://1.2.3.4/", "http://[::ffff:1.2.3.4]/"),
        ("http://[2001:db8::1]/", "http://[2001:0DB8:0:0:0:0:0:1]:80/x"),
        ("http://bad.example/page", "\x01http://bad.example/page"),
        ("http://bad.example/page", "\x1f \x00http://bad.example/page\x02 \t\x00"),
        ("http://bad.example/page", "http://b" + 300 * "\u00ad" + "ad.example/page"),
        ("http://bad.example/page", "http://b" + 300 * "\u200d" + "ad.example/page"),
        ("http://1.2.3.4/", "http://1.2" + 300 * "\u2060" + ".3.4/"),
        ("http://bad.example/page", "view-source:http://bad.example/page"),
        ("http://bad.example/page", "Feed:HTTPS://bad.example/page"),
        ("http://bad.example/page", "feed://bad.example/page"),
    ],
)
def test_a_listed_address_is_found_in_disguise(listed: str, visited: str) -> None:
    assert is_listed(listed, visited)


@pytest.mark.parametrize(
    ("listed", "visited"),
    [
        ("http://bad.example/page", "http://bad.example/"),
        ("http://www.bad.example/", "http://bad.example/"),
        ("http://bad.example/", "http://notbad.example/"),
        ("http://faß.example/", "http://fass.example/"),
        ("http://2.3.4.example/", "http://1.2.3.4/"),
    ],
)
def test_another_address_is_not(listed: str, visited: str) -> None:
    assert not is_listed(listed, visited)


def test_both_readings_where_parsers_disagree() -> None:
    assert found("http://a.example\\@b.example/x") == {
        "http://b.example/x",
        "http://a.example/@b.example/x",
    }
    assert found("http://x@y.example@z.example/") == {"http://z.example/", "http://y.example/"}


@pytest.mark.parametrize("url", ["", "   ", "mailto:a@b.example", "http://", "javascript:x()"])
def test_what_has_no_host_has_no_reading(url: str) -> None:
    assert readings(url) == []
    assert lookup_digests(url) == []
    with pytest.raises(ValueError, match="not a URL with a host"):
        canonical(url)


def test_a_public_suffix_cannot_be_listed() -> None:
    with pytest.raises(ValueError, match="public suffix"):
        listed_digest("https://co.uk/")
    assert listed_digest("https://co.uk/page")


@given(st.sampled_from([chr(code) for code in range(0x21)]), st.booleans())
def test_controls_at_either_end_are_dropped_as_browsers_do(control: str, last: bool) -> None:
    url = "http://bad.example/page"
    assert is_listed(url, url + control if last else control + url)


def test_characters_that_idna_ignores_are_no_part_of_a_name() -> None:
    ignored = {
        code
        for code in (*range(0x80, 0xD800), *range(0xE000, 0x110000))
        if can_ada.idna_encode(f"a{chr(code)}b") == b"ab"
    }
    assert ignored
    for code in ignored:
        assert is_listed("http://bad.example/", f"http://b{300 * chr(code)}ad.example/x")


@given(st.text(max_size=200))
def test_any_text_is_read_and_what_comes_out_is_ascii(text: str) -> None:
    for reading in readings(text):
        assert str(reading).isascii()
        assert reading.path.startswith("/")
        assert len(expressions(reading)) <= MAX_EXPRESSIONS
        assert len(set(expressions(reading))) == len(expressions(reading))


ORDINARY = st.from_regex(
    r"https?://[a-z]{1,8}(\.[a-z]{2,8}){1,3}(/[a-zA-Z0-9_.\-]{1,8}){0,3}/?", fullmatch=True
)


@given(ORDINARY)
def test_the_canonical_form_stays_as_it_is(url: str) -> None:
    once = canonical(url)
    assert canonical(once) == once


@given(ORDINARY, st.data())
def test_escaping_any_character_changes_nothing(url: str, data: st.DataObject) -> None:
    scheme, _, rest = url.partition("://")
    escaped = "".join(
        f"%{ord(char):02x}" if char != "/" and data.draw(st.booleans()) else char for char in rest
    )
    assert canonical(f"{scheme}://{escaped}") == canonical(url)


def test_the_listed_digest_is_the_sha256_of_host_and_target() -> None:
    assert listed_digest("http://a.example/x?y") == hashlib.sha256(b"a.example/x?y").digest()


def test_deeply_nested_escapes_are_undone_in_one_go() -> None:
    assert canonical("http://h.example/" + "%25" * 1 + "25" * 3000 + "41") == "http://h.example/A"
