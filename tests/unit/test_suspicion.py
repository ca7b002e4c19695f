"""Which listed hashes workers find suspicious: many people's media, in bounded memory."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from matchers.lists.entry import FLAGGED, ListEntry
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Media, MediaHashes
from streams.contracts.signal import HashMatch
from streams.contracts.values import Algorithm, Role
from streams.control.requests import EntryProposed, EntrySuspected, request_record
from streams.control.suspicion import MAX_ITEMS, WINDOW, MatchShares

ENOUGH = 20
SHARE = ENOUGH / WINDOW


def sent(
    person: int,
    *items: str,
    algorithm: Algorithm = "pdq",
    role: Role = "block",
    labels: tuple[str, ...] = (),
    tenant: str = "t",
) -> Envelope:
    event = ContentEvent(
        event_id="e",
        tenant=tenant,
        kind="created",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        content_id="c",
        surface="post",
        author=Author(id=f"person-{person}"),
        media=[
            Media(
                media_id="m",
                media_type="image/png",
                hashes=MediaHashes(md5="ab" * 16),
                hash_origin="server",
            )
        ],
    )
    signals = [
        HashMatch(
            media_id="m",
            list="l",
            entry=item,
            algorithm=algorithm,
            distance=3,
            radius=31,
            role=role,
            category="",
            source_kind="own",
            verified=True,
            hash_origin="server",
            labels=labels,
        )
        for item in items
    ]
    return Envelope(event=event, received_at=0, signals=[*signals], scans_performed=["hash"])


def test_what_many_people_send_is_told_once() -> None:
    shares = MatchShares(SHARE)
    told = shares.count(sent(person, "x") for person in range(5 * ENOUGH))
    assert [(item.list, item.id, item.algorithm, item.matches) for item in told] == [
        ("l", "x", "pdq", ENOUGH)
    ]
    assert told[0].looked_at == ENOUGH


def test_one_person_makes_nothing_suspicious() -> None:
    assert MatchShares(SHARE).count(sent(1, "x") for _ in range(WINDOW)) == []


def test_exact_allowed_and_flagged_matches_do_not_count() -> None:
    for more in ({"algorithm": "md5"}, {"role": "allow"}, {"labels": (FLAGGED,)}):
        assert MatchShares(SHARE).count(sent(p, "x", **more) for p in range(5 * ENOUGH)) == []


def test_counting_begins_anew_after_a_window() -> None:
    shares = MatchShares(SHARE)
    for begin in (0, ENOUGH):
        shares.count(sent(begin + person, "x") for person in range(ENOUGH - 1))
        assert shares.count(sent(0) for _ in range(WINDOW)) == []


@given(others=st.integers(0, 3 * MAX_ITEMS), begin=st.integers(0, 3 * MAX_ITEMS))
def test_a_suspicious_item_is_found_among_any_number_of_others(others: int, begin: int) -> None:
    shares = MatchShares(200 / WINDOW)
    noise = [sent(n, f"other-{n}") for n in range(others)]
    crowd = [sent(10_000 + n, "x") for n in range(200 + others // MAX_ITEMS + 1)]
    told = shares.count([*noise[:begin], *crowd, *noise[begin:]])
    assert [item.id for item in told] == ["x"]


def test_a_request_has_a_key_of_its_own() -> None:
    suspected = EntrySuspected(list="l", id="x", algorithm="pdq", matches=1, looked_at=2)
    entry = ListEntry(list="l", id="x", algorithm="md5", value="ab" * 16)
    proposed = EntryProposed(entry=entry, why="w", origin="o")
    assert request_record(suspected)[0] != request_record(proposed)[0]


def test_the_canarys_own_picture_is_not_suspected() -> None:
    shares = MatchShares(0.001)
    assert not shares.count([sent(n, "canary", tenant="seawall-canary") for n in range(200)])
    assert shares.count([sent(n, "canary") for n in range(200)])
