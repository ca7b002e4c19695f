from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.event import Author, ContentEvent, Media, MediaHashes
from streams.policy.scan_basis import SCANS, ScanBasis, ScanBasisRow, covers

ALL = SCANS


def ms(*day: int) -> int:
    return int(datetime(*day, tzinfo=UTC).timestamp() * 1000)


NOW = ms(2026, 3, 1)


def row(tenant="*", surface="*", jurisdiction="*", scans=ALL, since=None, until=None):
    return ScanBasisRow(
        tenant=tenant,
        surface=surface,
        jurisdiction=jurisdiction,
        scans=scans,
        valid_from=since,
        valid_until=until,
    )


def event(**changes) -> ContentEvent:
    fields = {
        "event_id": "e1",
        "tenant": "acme",
        "kind": "created",
        "occurred_at": datetime(2026, 3, 1, tzinfo=UTC),
        "content_id": "c1",
        "surface": "message",
        "author": Author(id="a1"),
        "text": "see you at practice",
        "urls": ["https://example.org/"],
        "media": [
            Media(
                media_id="m1",
                media_type="image/png",
                hashes=MediaHashes(md5="0" * 32),
                hash_origin="server",
            )
        ],
        "jurisdiction": "DE",
    }
    return ContentEvent(**(fields | changes))


def permitted(rows, tenant="acme", surface="message", jurisdiction="DE", at=NOW):
    return ScanBasis(rows).basis(tenant, surface, jurisdiction, at).permitted


def test_the_last_day_of_the_calendar_never_lapses():
    basis = ScanBasis([row(until=date.max), row(jurisdiction="DE", until=date(9999, 12, 30))])
    assert basis.basis("acme", "message", None, ms(9999, 12, 31)).permitted == ALL
    lapse = basis.next_lapse(NOW)
    assert lapse is not None
    assert (lapse.jurisdiction, lapse.at_ms) == ("DE", ms(9999, 12, 31))
    assert ScanBasis([row(until=date.max)]).next_lapse(NOW) is None


def test_nothing_is_assumed_lawful():
    stripped, withheld = ScanBasis([]).apply(event(), NOW)
    assert withheld == ALL
    assert (stripped.text, stripped.urls, stripped.media) == (None, [], [])
    assert stripped.event_id == "e1"
    assert permitted([row(tenant="other")]) == ()


def test_an_event_with_everything_permitted_is_left_as_it_is():
    whole = event()
    assert ScanBasis([row()]).apply(whole, NOW) == (whole, ())


@pytest.mark.parametrize(
    ("scans", "kept"),
    [
        (("hash", "provenance"), {"media"}),
        (("url",), {"urls"}),
        (("text",), {"text"}),
        (("hash", "url", "text"), {"text", "urls", "media"}),
        (("provenance",), set()),
    ],
)
def test_what_is_withheld_is_dropped(scans, kept):
    stripped, withheld = ScanBasis([row(scans=scans)]).apply(event(), NOW)
    assert {name for name in ("text", "urls", "media") if getattr(stripped, name)} == kept
    assert set(withheld) == set(ALL) - (set(scans) if scans != ("provenance",) else set())


def test_provenance_reads_bytes_and_falls_with_hash():
    assert permitted([row(scans=("text", "provenance"))]) == ("text",)


def test_the_more_specific_row_decides_whether_it_permits_more_or_less():
    rows = [row(scans=("hash",)), row(tenant="acme", scans=("text",))]
    assert permitted(rows) == ("text",)
    assert permitted(rows, tenant="other") == ("hash",)
    assert permitted([*rows, row(tenant="acme", jurisdiction="DE", scans=())]) == ()


def test_a_lapsed_row_withholds_rather_than_giving_way():
    rows = [row(), row(jurisdiction="DE", scans=("hash",), until=date(2026, 2, 28))]
    assert permitted(rows, at=ms(2026, 2, 28)) == ("hash",)
    assert permitted(rows) == ()
    assert permitted(rows, jurisdiction="FR") == ALL


def test_days_are_whole_and_in_utc():
    rows = [row(since=date(2026, 3, 1), until=date(2026, 3, 2))]
    answers = [
        permitted(rows, at=at)
        for at in (
            ms(2026, 3, 1) - 1,
            ms(2026, 3, 1),
            ms(2026, 3, 3) - 1,
            ms(2026, 3, 3),
        )
    ]
    assert answers == [(), ALL, ALL, ()]


def test_rows_of_the_same_columns_add_up():
    rows = [
        row(jurisdiction="DE", scans=("hash",)),
        row(jurisdiction="de", scans=("url", "text"), until=date(2026, 2, 1)),
        row(jurisdiction="DE", scans=("url",)),
    ]
    assert permitted(rows) == ("hash", "url")


def test_rows_of_which_none_is_more_specific_must_agree():
    rows = [
        row(tenant="acme", scans=("hash", "url")),
        row(jurisdiction="DE", scans=("hash", "text")),
    ]
    assert permitted(rows) == ("hash",)


def test_a_country_covers_its_parts_but_not_the_other_way():
    rows = [row(), row(jurisdiction="DE", scans=("hash",)), row(jurisdiction="DE-BY", scans=())]
    assert permitted(rows, jurisdiction="DE-BE") == ("hash",)
    assert permitted(rows, jurisdiction="DE-BY") == ()
    assert permitted(rows, jurisdiction="DE") == ("hash",)
    assert permitted(rows, jurisdiction="DEX") == ALL
    assert permitted(rows, jurisdiction=None) == ALL
    assert covers("de", "DE-BY")
    assert covers("*", None)
    assert not covers("DE", None)


def test_next_lapse_is_the_first_that_nothing_follows():
    rows = [
        row(jurisdiction="DE", scans=("hash", "text"), until=date(2026, 3, 9)),
        row(jurisdiction="DE", scans=("hash",), since=date(2026, 3, 10), until=date(2026, 6, 1)),
        row(jurisdiction="FR", until=date(2026, 4, 1)),
        row(jurisdiction="AT", until=date(2026, 1, 1)),
    ]
    lapse = ScanBasis(rows).next_lapse(NOW)
    assert lapse is not None
    assert lapse == (ms(2026, 3, 10), "*", "*", "DE", ("text",))
    later = ScanBasis(rows).next_lapse(lapse.at_ms)
    assert later is not None
    assert (later.at_ms, later.jurisdiction) == (ms(2026, 4, 2), "FR")
    assert ScanBasis([row()]).next_lapse(NOW) is None


def test_lapsed_is_what_nothing_of_the_same_columns_permits_any_more():
    rows = [
        row(jurisdiction="FR", until=date(2026, 4, 1)),
        row(jurisdiction="DE", scans=("hash", "text"), until=date(2026, 1, 9)),
        row(jurisdiction="DE", scans=("hash",), since=date(2026, 2, 1)),
        row(jurisdiction="AT", scans=("url",), until=date(2025, 1, 1)),
        row(jurisdiction="AT", scans=("url",), until=date(2025, 12, 31)),
        row(jurisdiction="AT", scans=("url",), since=date(2026, 3, 2)),
        row(jurisdiction="IT", scans=(), until=date(2025, 1, 1)),
    ]
    basis = ScanBasis(rows)
    de, at = basis.lapsed(NOW)
    assert de == (ms(2026, 1, 10), "*", "*", "DE", ("text",))
    assert at == (ms(2026, 1, 1), "*", "*", "AT", ("url",))
    assert basis.lapsed(ms(2026, 3, 2)) == [de]
    assert ScanBasis([row(until=date(2026, 3, 1))]).lapsed(NOW) == []
    assert not basis.is_over(NOW)
    assert not ScanBasis([]).is_over(NOW)
    assert not ScanBasis([row(scans=(), until=date(2026, 1, 1))]).is_over(NOW)
    assert ScanBasis([rows[3], row(scans=())]).is_over(NOW)


def test_the_first_lapse_stays_when_it_has_come():
    coming = row(jurisdiction="FR", until=date(2026, 4, 1))
    basis = ScanBasis([row(jurisdiction="AT", until=date(2026, 2, 28)), coming, row()])
    at_ms = ms(2026, 3, 1)
    for now in (at_ms - 1, at_ms, ms(2026, 6, 1)):
        lapse = basis.first_lapse(now)
        assert lapse is not None
        assert (lapse.at_ms, lapse.jurisdiction) == (at_ms, "AT")
    said = ScanBasis([row(jurisdiction="AT", scans=()), coming]).first_lapse(at_ms)
    assert said is not None
    assert said.jurisdiction == "FR"
    assert ScanBasis([row()]).first_lapse(NOW) is None


def test_many_jurisdictions_do_not_fill_the_memory():
    basis = ScanBasis([row(scans=("hash",))])
    for number in range(10_000):
        assert basis.apply(event(jurisdiction=f"X{number}"), NOW)[1] == (
            "url",
            "text",
            "provenance",
        )
    assert len(basis._cache) <= 4096


def test_a_row_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="valid_from"):
        row(since=date(2026, 2, 1), until=date(2026, 1, 1))


rows = st.lists(
    st.builds(
        row,
        st.sampled_from(["*", "acme", "other"]),
        st.sampled_from(["*", "message", "post"]),
        st.sampled_from(["*", "DE", "DE-BY", "FR"]),
        st.lists(st.sampled_from(SCANS), unique=True).map(tuple),
        st.none() | st.dates(date(2026, 1, 1), date(2026, 1, 10)),
        st.none() | st.dates(date(2026, 1, 10), date(2026, 1, 20)),
    ),
    max_size=8,
)
times = st.lists(st.integers(ms(2025, 12, 30), ms(2026, 1, 25)), min_size=1, max_size=8)


def by_hand(table: list[ScanBasisRow], happened: ContentEvent, at: int) -> set[str]:
    """The documented rules, read row by row."""
    place = happened.jurisdiction or ""

    def applies(r: ScanBasisRow) -> bool:
        return (
            r.tenant in ("*", happened.tenant)
            and r.surface in ("*", happened.surface)
            and (
                r.jurisdiction == "*"
                or place == r.jurisdiction
                or place.startswith(r.jurisdiction + "-")
            )
        )

    def rank(r: ScanBasisRow) -> tuple[int, int, int]:
        place = 0 if r.jurisdiction == "*" else 1 + r.jurisdiction.count("-")
        return (r.tenant != "*", r.surface != "*", place)

    def valid(r: ScanBasisRow) -> bool:
        day = datetime.fromtimestamp(at / 1000, UTC).date()
        return (r.valid_from or day) <= day <= (r.valid_until or day)

    left = [r for r in table if applies(r)]
    left = [
        r
        for r in left
        if not any(rank(o) != rank(r) and all(map(int.__ge__, rank(o), rank(r))) for o in left)
    ]
    groups: dict[tuple, set[str]] = {}
    for r in left:
        scans = groups.setdefault((r.tenant, r.surface, r.jurisdiction), set())
        scans |= set(r.scans) if valid(r) else set()
    found = set.intersection(*groups.values()) if groups else set()
    return found - ({"provenance"} if "hash" not in found else set())


@given(
    rows,
    times,
    st.sampled_from(["acme", "other", "third"]),
    st.sampled_from(["message", "post"]),
    st.sampled_from([None, "DE", "DE-BY", "FR", "US"]),
)
def test_apply_agrees_with_the_rules_read_by_hand(table, at, tenant, surface, jurisdiction):
    basis = ScanBasis(table)
    happened = event(tenant=tenant, surface=surface, jurisdiction=jurisdiction)
    for time in at:
        _, withheld = basis.apply(happened, time)
        assert set(SCANS) - set(withheld) == by_hand(table, happened, time)
