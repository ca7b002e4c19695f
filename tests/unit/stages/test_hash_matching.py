from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from matchers.hashing.text import tlsh_available
from matchers.lists import entry as lists
from matchers.lists.entry import ListEntry, ListInfo, normal_value
from matchers.lists.matcher import ListMatcher
from streams.contracts import values
from streams.contracts.envelope import Envelope
from streams.contracts.event import (
    Author,
    ContentEvent,
    FrameHash,
    Media,
    MediaHashes,
    VariantHash,
)
from streams.contracts.signal import HashMatch, TextMatch, UrlMatch
from streams.contracts.values import Scan
from streams.stages import hash_matching
from streams.stages.hash_matching import HashMatching
from tests.unit.hashing.prose import edited, prose

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PDQ = "0f" * 32
MD5 = "11" * 16


def envelope(**fields: Any) -> Envelope:
    event = ContentEvent(
        event_id="e",
        tenant="t",
        kind="created",
        occurred_at=NOW,
        content_id="c",
        surface="message",
        author=Author(id="a"),
        **fields,
    )
    return Envelope(event=event, received_at=0)


def picture(media_id: str = "m1", **hashes: Any) -> Media:
    return Media(
        media_id=media_id,
        media_type="image/png",
        hashes=MediaHashes(**hashes),
        hash_origin="client_attested",
    )


def listed(*values: tuple[lists.Algorithm, str]) -> ListMatcher:
    info = ListInfo(
        name="one", source_kind="hotline", verified_by="Example", roles={"known": "block"}
    )
    entries = [
        ListEntry(
            list="one",
            id=f"{algorithm}-1",
            algorithm=algorithm,
            value=normal_value(algorithm, value),
            category="known",
            labels=("sample",),
        )
        for algorithm, value in values
    ]
    return ListMatcher({"one": info}, entries, loaded_at=NOW)


LISTED = listed(("pdq", PDQ), ("md5", MD5), ("url", "http://bad.example/page"))


def run(batch: Sequence[Envelope], matcher: ListMatcher = LISTED) -> Sequence[Envelope]:
    stage = HashMatching(lambda: matcher)
    assert stage.keys(batch) == ()
    result = stage.run(batch, {})
    assert result.changes == {}
    return result.batch


def test_a_media_hash_within_the_radius_is_a_signal() -> None:
    near = "0f" * 31 + "0e"
    (out,) = run([envelope(media=[picture(pdq=near, pdq_quality=80)])])
    assert out.signals == [
        HashMatch(
            media_id="m1",
            list="one",
            entry="pdq-1",
            algorithm="pdq",
            distance=1,
            radius=31,
            role="block",
            category="known",
            source_kind="hotline",
            verified=True,
            hash_origin="client_attested",
            quality=80,
            labels=("sample",),
            verified_by="Example",
        )
    ]
    assert out.scans_performed == ["hash"]
    assert out.lists_version == LISTED.version


def test_each_media_item_is_named_in_its_own_signals() -> None:
    (out,) = run([envelope(media=[picture("a", md5="22" * 16), picture("b", md5=MD5, pdq=PDQ)])])
    found = [(s.media_id, s.algorithm) for s in out.signals if isinstance(s, HashMatch)]
    assert sorted(found) == [("b", "md5"), ("b", "pdq")]


def test_addresses_are_matched_by_index_and_by_place_in_the_text() -> None:
    text = "look at hxxp://bad[.]example/page please"
    (out,) = run([envelope(urls=["http://ok.example", "bad.example/page?x"], text=text)])
    by_index, in_text = out.signals
    assert isinstance(by_index, UrlMatch)
    assert (by_index.url_index, by_index.start, by_index.end) == (1, None, None)
    assert isinstance(in_text, UrlMatch)
    assert in_text.url_index is None
    assert text[in_text.start : in_text.end] == "hxxp://bad[.]example/page"
    assert out.scans_performed == ["url"]


def test_an_address_in_a_text_is_read_in_every_way_and_an_entry_told_once() -> None:
    entries = [
        ListEntry(list="one", id=url, algorithm="url", value=normal_value("url", url))
        for url in ("http://bad.com/v/abc_", "http://bad.com/")
    ]
    lists = ListMatcher({"one": ListInfo(name="one")}, entries, loaded_at=NOW)
    text = "look at “http://bad.com/v/abc_”, and (http://bad.com/x)"
    (out,) = run([envelope(text=text)], lists)
    told = [signal for signal in out.signals if isinstance(signal, UrlMatch)]
    assert [(signal.entry, text[signal.start : signal.end]) for signal in told] == [
        ("http://bad.com/", "http://bad.com/v/abc"),
        ("http://bad.com/v/abc_", "http://bad.com/v/abc_"),
        ("http://bad.com/", "http://bad.com/x"),
    ]


def test_what_is_withheld_is_not_scanned() -> None:
    event = envelope(
        media=[picture(md5=MD5, pdq=PDQ, pdq_quality=1)],
        urls=["http://bad.example/page"],
        text="http://bad.example/page",
    )
    event.scans_withheld = ["hash", "url"]
    (out,) = run([event])
    assert (out.signals, out.scans_performed, out.degraded) == ([], [], [])


def test_a_pdq_below_quality_is_not_matched_and_noted_once() -> None:
    low = {"pdq": PDQ, "pdq_quality": 49}
    (out,) = run([envelope(media=[picture("a", md5=MD5, **low), picture("b", **low)])])
    assert [signal.algorithm for signal in out.signals if isinstance(signal, HashMatch)] == ["md5"]
    assert out.degraded == ["pdq_quality"]


def test_a_videos_frames_are_matched_as_a_video() -> None:
    frames = [
        FrameHash(frame=n, quality=quality, pdq=f"{n:x}f" * 32, seconds=n)
        for n, quality in enumerate([90, 90, 20])
    ]
    matcher = listed(("vpdq", "".join(frame.pdq for frame in frames[:2])))
    (out,) = run([envelope(media=[picture(frames=frames)])], matcher)
    (signal,) = out.signals
    assert isinstance(signal, HashMatch)
    assert (signal.algorithm, signal.query_share, signal.compared_share) == ("vpdq", 1.0, 1.0)
    assert out.scans_performed == ["hash"]


@pytest.mark.parametrize("vector", ["AAAA", "%%%"])
def test_a_clients_vector_that_is_none_is_noted_and_the_rest_is_matched(vector: str) -> None:
    (out,) = run([envelope(media=[picture(md5=MD5, opaque={"photodna": vector})])])
    assert [signal.algorithm for signal in out.signals if isinstance(signal, HashMatch)] == ["md5"]
    assert out.degraded == ["photodna_unreadable"]


def test_another_view_of_a_picture_is_matched_and_named() -> None:
    far, near = "f0" * 32, "0f" * 31 + "0e"
    views = [
        VariantHash(variant="rotate90", pdq=near, quality=80),
        VariantHash(variant="flip_x", pdq=near, quality=80),
        VariantHash(variant="trimmed", pdq=PDQ, quality=49),
    ]
    (out,) = run([envelope(media=[picture(pdq=far, pdq_quality=80, variants=views)])])
    (signal,) = out.signals
    assert isinstance(signal, HashMatch)
    assert (signal.variant, signal.distance, signal.quality) == ("rotate90", 1, 80)
    (out,) = run([envelope(media=[picture(pdq=PDQ, pdq_quality=80, variants=views)])])
    assert [signal.variant for signal in out.signals if isinstance(signal, HashMatch)] == [None]


def test_an_observed_hash_of_an_item_does_not_hide_its_acting_one() -> None:
    info = ListInfo(name="one", default_role="block")
    entries = [
        ListEntry(list="one", id="i", algorithm="pdq", value=PDQ, status="observed"),
        ListEntry(list="one", id="i", algorithm="pdq", value="0f" * 31 + "0e"),
        ListEntry(list="one", id="i", algorithm="pdq", value="0f" * 31 + "0c", category="other"),
    ]
    matcher = ListMatcher({"one": info}, entries, loaded_at=NOW)
    views = [VariantHash(variant="rotate90", pdq="f0" * 32, quality=80)]
    (out,) = run([envelope(media=[picture(pdq=PDQ, pdq_quality=80, variants=views)])], matcher)
    told = [(s.role, s.category) for s in out.signals if isinstance(s, HashMatch)]
    assert sorted(told) == [("block", ""), ("block", "other"), ("observe", "")]


def test_a_copy_of_listed_written_material_is_a_signal() -> None:
    matcher = listed(("minhash", prose(1, 120)))
    near = edited(prose(1, 120), 1, 0.05)
    (out, other, short) = run(
        [envelope(text=near), envelope(text=prose(2, 120)), envelope(text="see you")], matcher
    )
    (signal,) = out.signals
    assert isinstance(signal, TextMatch)
    assert 0.7 < signal.similarity < 1
    assert signal == TextMatch(
        list="one",
        entry="minhash-1",
        algorithm="minhash",
        similarity=signal.similarity,
        role="block",
        category="known",
        source_kind="hotline",
        verified=True,
        labels=("sample",),
        verified_by="Example",
    )
    assert other.signals == short.signals == []
    assert out.scans_performed == ["hash", "text"]


@pytest.mark.parametrize("withheld", ["hash", "text"])
def test_a_text_is_looked_up_only_where_both_scans_are_permitted(withheld: Scan) -> None:
    held = envelope(text=prose(1, 120))
    held.scans_withheld.append(withheld)
    (out,) = run([held], listed(("minhash", prose(1, 120))))
    assert (out.signals, out.scans_performed) == ([], [])


@pytest.mark.skipif(not tlsh_available(), reason="py-tlsh is not installed")
def test_a_text_listed_by_tlsh_is_a_signal_with_its_distance() -> None:
    value = hash_matching.text_tlsh(prose(1, 120))
    assert value is not None
    (out,) = run([envelope(text=prose(1, 120))], listed(("tlsh", value.hex())))
    (signal,) = out.signals
    assert isinstance(signal, TextMatch)
    assert (signal.algorithm, signal.distance, signal.similarity) == ("tlsh", 0, 1.0)


def test_without_the_extra_texts_listed_by_tlsh_are_said_to_be_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hash_matching, "tlsh_available", lambda: False)
    (out,) = run([envelope(text=prose(1, 120))], listed(("tlsh", "ab" * 35)))
    assert (out.signals, out.scans_performed) == ([], [])
    assert out.degraded == ["tlsh_not_installed"]


def test_media_that_was_not_hashed_is_not_called_scanned() -> None:
    waiting = Media(media_id="m", media_type="image/png", uri="file:///x")
    (out,) = run([envelope(media=[waiting])])
    assert out.scans_performed == []


def test_an_event_with_nothing_to_match_only_gets_the_version() -> None:
    (out,) = run([envelope()])
    assert (out.signals, out.scans_performed, out.lists_version) == ([], [], LISTED.version)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_results_do_not_depend_on_how_events_fall_into_batches(size: int) -> None:
    def events() -> list[Envelope]:
        return [
            envelope(media=[picture(md5=MD5)], text="see bad.example/page"),
            envelope(),
            envelope(urls=["bad.example/page"]),
            envelope(media=[picture(md5="33" * 16)]),
            envelope(media=[picture(pdq=PDQ)]),
        ]

    whole = run(events())
    parts = events()
    split = [out for at in range(0, 5, size) for out in run(parts[at : at + size])]
    assert split == list(whole)


def test_one_matcher_serves_the_whole_batch() -> None:
    given = iter([LISTED, listed()])
    stage = HashMatching(lambda: next(given))
    batch = stage.run([envelope(), envelope(media=[picture(md5=MD5)])], {}).batch
    assert {out.lists_version for out in batch} == {LISTED.version}


def test_matchers_and_contracts_use_the_same_words() -> None:
    for name in ("Algorithm", "Role", "SourceKind"):
        assert get_args(getattr(lists, name)) == get_args(getattr(values, name))
