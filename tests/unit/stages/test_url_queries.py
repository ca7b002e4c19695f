"""Addresses of an event: every reading of one is looked up, and what is left out is said."""

import pytest

from matchers.indexes.url_finder import MAX_FOUND
from streams.contracts.signal import UrlMatch
from tests.unit.stages.test_hash_matching import LISTED, envelope, listed, run


@pytest.mark.parametrize(
    "url",
    [
        "hxxps://bad[.]example/page",
        "(http://bad.example/page)",
        "http://b\u200ead.example/page",
        "https://go.example/?u=http%3A%2F%2Fbad.example%2Fpage&x=1",
    ],
)
def test_a_disguised_address_among_the_urls_is_told_once_by_its_place(url: str) -> None:
    (out,) = run([envelope(urls=["http://ok.example/", url])], LISTED)
    (signal,) = out.signals
    assert isinstance(signal, UrlMatch)
    assert (signal.url_index, signal.start, signal.end) == (1, None, None)
    assert out.degraded == []


def test_each_of_two_equal_urls_is_told() -> None:
    (out,) = run([envelope(urls=["bad.example/page"] * 2)], LISTED)
    assert [s.url_index for s in out.signals if isinstance(s, UrlMatch)] == [0, 1]


def test_more_addresses_than_are_looked_up_are_said_to_be_left_out() -> None:
    names = " ".join(f"a{at}.com" for at in range(MAX_FOUND))
    (out,) = run([envelope(text=f"{names} http://bad.example/page")], LISTED)
    assert len(out.signals) == 1
    assert out.degraded == ["addresses_cut"]
    (out,) = run([envelope(text=names)], LISTED)
    assert out.degraded == []


def test_more_readings_of_the_urls_than_are_looked_up_are_said_to_be_left_out() -> None:
    wrapped = "https://go.example/?" + "&".join(f"http://b{at}.example/" for at in range(8))
    (out,) = run([envelope(urls=[f"{wrapped}&{at}" for at in range(40)])], LISTED)
    assert out.degraded == ["addresses_cut"]
    (out,) = run([envelope(urls=["http://ok.example/"] * 256)], LISTED)
    assert out.degraded == []


def test_nothing_is_left_out_where_no_address_is_listed() -> None:
    text = " ".join(f"http://a{at}.com/" for at in range(2 * MAX_FOUND))
    (out,) = run([envelope(text=text)], listed())
    assert out.degraded == []
