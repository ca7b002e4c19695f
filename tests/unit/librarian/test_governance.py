"""What of an import acts at once, and what waits, is observed, or is flagged."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from matchers.lists.entry import FLAGGED, ListEntry, ListInfo
from matchers.lists.formats.feed import Feed, Item
from matchers.lists.librarian import proposals
from matchers.lists.librarian.flags import Suspicion
from matchers.lists.librarian.store import ListStore, Outcome, Refused
from matchers.lists.matcher import HashQuery, ListMatcher
from tests.unit.librarian.test_store import NOW, feed

HOURS = timedelta(hours=1)
BENIGN = "0f" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ListStore]:
    with ListStore.open(tmp_path / "lists.db") as opened:
        opened.define(ListInfo(name="a", default_role="block"), origin="test", at=NOW)
        opened.define(ListInfo(name="known", verified_by="Someone"), origin="test", at=NOW)
        opened.define(ListInfo(name="memes", default_role="allow"), origin="test", at=NOW)
        yield opened


def pdq(number: int) -> str:
    """Codes far from each other, and from flat ones."""
    return f"{number:02x}5a" * 16


def entry(value: str, *, name: str = "a", item_id: str = "", algorithm: str = "pdq") -> ListEntry:
    return ListEntry(list=name, id=item_id or value, algorithm=algorithm, value=value)


def whole(*entries: ListEntry) -> Feed:
    return feed(*(Item(id=each.id, entries=(each,)) for each in entries))


def take(store: ListStore, *entries: ListEntry, hours: float = 0) -> Outcome:
    name, at = entries[0].list, NOW + hours * HOURS
    outcome = store.import_feed(name, whole(*entries), origin="test", at=at)
    if outcome.reasons:
        return store.approve(name, origin="test", at=at)
    return outcome


def statuses(store: ListStore, name: str = "a") -> dict[str, str]:
    return {each.id: each.status for each in store.entries(name)}


def test_new_perceptual_entries_of_nobodys_list_are_observed_for_a_day(store: ListStore) -> None:
    exact = entry("ab" * 16, algorithm="md5")
    take(store, entry(pdq(1)), exact)
    assert statuses(store) == {pdq(1): "observed", "ab" * 16: "active"}
    assert store.release(NOW + 23 * HOURS) == []
    again = take(store, entry(pdq(1)), exact, entry(pdq(2)), hours=23)
    assert (again.added, again.changed) == (1, 0), "importing it again ends no observation"
    (released,) = store.release(NOW + 24 * HOURS)
    assert released.changed == 1
    assert statuses(store) == {pdq(1): "active", pdq(2): "observed", "ab" * 16: "active"}
    assert store.revisions("a")[0].kind == "release"


def test_an_import_after_its_time_ends_an_observation(store: ListStore) -> None:
    take(store, entry(pdq(1)))
    assert take(store, entry(pdq(1)), hours=25).changed == 1
    assert statuses(store) == {pdq(1): "active"}


def test_verified_and_victims_lists_act_at_once_unless_told(store: ListStore) -> None:
    take(store, entry(pdq(1), name="known"))
    assert statuses(store, "known") == {pdq(1): "active"}
    store.define(ListInfo(name="v", source_kind="victim"), origin="t", at=NOW)
    take(store, entry(pdq(1), name="v"))
    assert statuses(store, "v") == {pdq(1): "active"}
    told = ListInfo(name="told", verified_by="Someone", observe_hours=2.0)
    store.define(told, origin="t", at=NOW)
    take(store, entry(pdq(1), name="told"))
    assert statuses(store, "told") == {pdq(1): "observed"}
    store.release(NOW + 2 * HOURS)
    assert statuses(store, "told") == {pdq(1): "active"}


def test_a_person_ends_an_observation(store: ListStore) -> None:
    take(store, entry(pdq(1)))
    store.approve("a", pdq(1), origin="someone", at=NOW)
    assert statuses(store) == {pdq(1): "active"}
    assert take(store, entry(pdq(1))).revision is None


def test_what_its_source_only_observes_is_not_released(store: ListStore) -> None:
    stated = ListEntry(list="a", id="x", algorithm="pdq", value=pdq(1), status="observed")
    take(store, stated)
    assert store.release(NOW + 1000 * HOURS) == []


def test_going_back_to_an_observation_does_not_bind_it_for_ever(store: ListStore) -> None:
    take(store, entry(pdq(1)))
    observed = store.revision()
    store.release(NOW + 24 * HOURS)
    store.rollback("a", observed, origin="test", at=NOW + 25 * HOURS)
    assert statuses(store) == {pdq(1): "observed"}
    store.release(NOW + 26 * HOURS)
    assert statuses(store) == {pdq(1): "active"}


@pytest.mark.parametrize("bits", [0, 31])
def test_what_is_near_to_something_benign_waits(store: ListStore, bits: int) -> None:
    take(store, entry(BENIGN, name="memes", item_id="cat"))
    near = f"{int(BENIGN, 16) ^ ((1 << bits) - 1):064x}"
    flat = f"{(1 << 31) - 1:064x}"
    outcome = take(store, *(entry(value, name="known") for value in (near, flat, pdq(3))))
    assert outcome.guarded == 2
    assert statuses(store, "known") == {near: "pending", flat: "pending", pdq(3): "active"}
    reasons = {held.id: held.reason for held in store.held("known")}
    assert reasons[near] == f"{bits} of 31 bits from the benign memes/cat"
    assert reasons[flat] == "31 of 31 bits from the hash of a flat picture"
    again = take(store, *(entry(value, name="known") for value in (near, flat, pdq(3))))
    assert again.revision is None
    store.approve("known", near, origin="someone", at=NOW)
    assert statuses(store, "known")[near] == "active"
    take(store, *(entry(value, name="known") for value in (near, flat, pdq(3))))
    assert statuses(store, "known")[near] == "active", "approved for good"


def test_what_is_just_beyond_the_radius_of_something_benign_acts(store: ListStore) -> None:
    take(store, entry(BENIGN, name="memes"))
    beyond = f"{int(BENIGN, 16) ^ ((1 << 32) - 1):064x}"
    assert take(store, entry(beyond, name="known")).guarded == 0
    assert statuses(store, "known") == {beyond: "active"}


def matches(store: ListStore, value: str) -> list[tuple[str, bool]]:
    matcher = ListMatcher(store.infos(), store.entries(), loaded_at=NOW)
    (found,) = matcher.match_hashes([HashQuery("pdq", bytes.fromhex(value), 100)])
    return [(match.role, FLAGGED in match.labels) for match in found]


def test_a_flag_holds_perceptual_matches_until_a_person_clears_it(store: ListStore) -> None:
    store.define(
        ListInfo(name="known", verified_by="Someone", default_role="block"), origin="t", at=NOW
    )
    both = (
        entry(pdq(1), name="known", item_id="i"),
        entry("ab" * 16, name="known", item_id="i", algorithm="md5"),
    )
    given = feed(Item(id="i", entries=both))
    store.import_feed("known", given, origin="test", at=NOW)
    assert matches(store, pdq(1)) == [("block", False)]
    suspicion = Suspicion("known", "i", "pdq", 300, 10_000)
    assert store.flag(suspicion, origin="worker", at=NOW).changed == 1
    assert store.flag(suspicion, origin="worker", at=NOW).revision is None
    assert [flag[:3] for flag in store.flags()] == [("known", "i", "pdq")]
    assert matches(store, pdq(1)) == [("hold", True)]
    assert [e.labels for e in store.entries("known")] == [(), (FLAGGED,)], "MD5 is as it was"
    assert store.import_feed("known", given, origin="t", at=NOW).revision is None
    store.approve("known", "i", origin="someone", at=NOW)
    assert store.flags() == []
    assert matches(store, pdq(1)) == [("block", False)]
    assert store.flag(suspicion, origin="worker", at=NOW).revision is None, "cleared for good"
    assert store.import_feed("known", given, origin="t", at=NOW).revision is None


def test_an_unknown_item_is_not_flagged(store: ListStore) -> None:
    assert store.flag(Suspicion("a", "x", "pdq", 1, 2), origin="w", at=NOW).revision is None
    assert store.flags() == []


def test_what_is_flagged_while_observed_waits_for_a_person(store: ListStore) -> None:
    take(store, entry(pdq(1)))
    store.flag(Suspicion("a", pdq(1), "pdq", 300, 10_000), origin="w", at=NOW)
    assert store.release(NOW + 25 * HOURS) == []
    take(store, entry(pdq(1)), hours=26)
    assert statuses(store) == {pdq(1): "observed"}
    store.approve("a", pdq(1), origin="someone", at=NOW)
    assert statuses(store) == {pdq(1): "active"}


def test_a_proposal_acts_once_a_person_accepts_it(store: ListStore) -> None:
    number = proposals.propose(
        store, entry("AB" * 16, algorithm="md5"), "reviewed", origin="case 1", at=NOW
    )
    again = entry("ab" * 16, item_id="AB" * 16, algorithm="md5")
    assert proposals.propose(store, again, "again", origin="case 2", at=NOW) == number
    assert list(store.entries("a")) == []
    (waiting,) = proposals.proposals(store)
    assert (waiting.number, waiting.entry.value, waiting.why) == (number, "ab" * 16, "reviewed")
    assert proposals.accept(store, number, origin="someone", at=NOW).added == 1
    assert [e.status for e in store.entries("a")] == ["active"]
    assert proposals.proposals(store) == []
    (decided,) = proposals.proposals(store, decided=True)
    assert (decided.decided, decided.decided_by) == ("accepted", "someone")
    with pytest.raises(Refused, match="was accepted before"):
        proposals.reject(store, number, origin="someone", at=NOW)


def test_a_rejected_proposal_stays_so(store: ListStore) -> None:
    proposed = entry(pdq(1))
    number = proposals.propose(store, proposed, "why", origin="case 1", at=NOW)
    assert proposals.reject(store, number, origin="someone", at=NOW).decided == "rejected"
    assert proposals.propose(store, proposed, "why", origin="case 2", at=NOW) == number
    assert proposals.proposals(store) == []
    with pytest.raises(Refused, match="no proposal 99"):
        proposals.accept(store, 99, origin="someone", at=NOW)


def test_an_accepted_proposal_is_held_and_observed_as_an_import_is(store: ListStore) -> None:
    take(store, entry(BENIGN, name="memes"))
    for value, status in ((BENIGN, "pending"), ("0" * 64, "pending"), (pdq(1), "observed")):
        number = proposals.propose(store, entry(value), "why", origin="c", at=NOW)
        proposals.accept(store, number, origin="someone", at=NOW)
        assert statuses(store)[value] == status


def test_what_cannot_be_an_entry_cannot_be_proposed(store: ListStore) -> None:
    for bad, why in ((entry("ab"), "64 hexadecimal"), (entry(pdq(1), name="z"), "no list 'z'")):
        with pytest.raises(Refused, match=why):
            proposals.propose(store, bad, "why", origin="c", at=NOW)


def test_what_no_import_would_take_cannot_be_proposed(store: ListStore) -> None:
    good = entry("ab" * 16, algorithm="md5")
    for more, why in (
        ({"id": "x" * 100_000}, "the id is longer"),
        ({"id": "a\nb"}, "the id has a control"),
        ({"category": "c" * 257}, "the category is longer"),
        ({"algorithm": "tmk", "value": "a\x01b"}, "the value has a control"),
        ({"updated_at": datetime.fromisoformat("0001-01-01T00:00:00+14:00")}, "years 1 to 9999"),
        ({"list": "z" * 100_000}, "there is no list"),
    ):
        with pytest.raises(Refused, match=why) as refused:
            proposals.propose(store, replace(good, **more), "why", origin="c", at=NOW)
        assert len(str(refused.value)) < 300
    assert proposals.proposals(store) == []
    long = replace(good, labels=tuple(f"l{n}" for n in range(99)), provenance="p" * 5000)
    number = proposals.propose(store, long, "w\x1b" * 5000, origin="o\n" * 5000, at=NOW)
    (kept,) = proposals.proposals(store)
    assert len(kept.entry.labels) == 64
    assert {len(text) for text in (kept.entry.provenance, kept.why, kept.origin)} == {1024}
    assert kept.why.startswith("w w ")
    assert proposals.accept(store, number, origin="someone", at=NOW).added == 1


def rows(status: str = "active", role: str | None = None, category: str = "") -> Feed:
    return whole(
        *(
            ListEntry(
                list="a",
                id=f"{n}",
                algorithm="md5",
                value=f"{n:032x}",
                status=status,
                role=role,
                category=category,
            )
            for n in range(100)
        )
    )


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (rows(role="allow"), "removes 100 of 100"),
        (rows(role="observe"), "removes 100 of 100"),
        (rows(role="review"), "removes 100 of 100"),
        (rows(status="observed"), "removes 100 of 100"),
        (rows(category="unmapped"), "removes 100 of 100"),
    ],
)
def test_what_ceases_to_act_counts_as_removed(store: ListStore, after: Feed, why: str) -> None:
    info = ListInfo(name="a", default_role="block", roles={"unmapped": "observe"})
    store.define(info, origin="t", at=NOW)
    assert store.import_feed("a", rows(), origin="t", at=NOW).reasons == ()
    (reason, *_) = store.import_feed("a", after, origin="t", at=NOW).reasons
    assert why in reason
    store.reject("a")
    # And back again.
    store.import_feed("a", after, origin="t", at=NOW)
    store.approve("a", origin="t", at=NOW)
    reasons = store.import_feed("a", rows(), origin="t", at=NOW).reasons
    assert any("adds 100 of 100" in each for each in reasons)


def test_what_begins_to_act_passes_the_guard_and_is_observed_as_what_is_new(
    store: ListStore,
) -> None:
    take(store, entry(BENIGN, name="memes"))

    def given(role: str | None) -> Feed:
        return whole(
            *(
                ListEntry(list="a", id=value, algorithm="pdq", value=value, role=role)
                for value in (BENIGN, pdq(1))
            )
        )

    store.define(ListInfo(name="a", default_role="block", observe_hours=0.0), origin="t", at=NOW)
    store.import_feed("a", given("allow"), origin="t", at=NOW)
    assert set(statuses(store).values()) == {"active"}
    store.define(ListInfo(name="a", default_role="block", observe_hours=5.0), origin="t", at=NOW)
    store.import_feed("a", given(None), origin="t", at=NOW)
    store.approve("a", origin="t", at=NOW)
    assert statuses(store) == {BENIGN: "pending", pdq(1): "observed"}
    store.release(NOW + 5 * HOURS)
    assert statuses(store) == {BENIGN: "pending", pdq(1): "active"}


@pytest.mark.parametrize("change", ["verified", "hours"])
def test_a_list_that_is_vouched_for_is_not_observed_any_longer(
    store: ListStore, change: str
) -> None:
    take(store, entry(pdq(1)))
    if change == "verified":
        info, wait = ListInfo(name="a", default_role="block", verified_by="Someone"), 1.0
    else:
        info, wait = ListInfo(name="a", default_role="block", observe_hours=2.0), 3.0
    store.define(info, origin="t", at=NOW + HOURS)
    if wait > 1:
        assert store.release(NOW + 2 * HOURS) == []
    store.release(NOW + wait * HOURS)
    assert statuses(store) == {pdq(1): "active"}


def test_a_longer_observation_is_for_new_entries(store: ListStore) -> None:
    take(store, entry(pdq(1)))
    store.define(ListInfo(name="a", default_role="block", observe_hours=100.0), origin="t", at=NOW)
    store.release(NOW + 24 * HOURS)
    assert statuses(store) == {pdq(1): "active"}


SUSPICION = Suspicion("known", pdq(1), "pdq", 300, 10_000)


def labels(store: ListStore) -> dict[str, tuple[str, ...]]:
    return {each.id: each.labels for each in store.entries("known")}


def test_a_flag_outlives_a_rollback(store: ListStore) -> None:
    take(store, entry(pdq(1), name="known"))
    before = store.revision()
    store.flag(SUSPICION, origin="w", at=NOW)
    assert store.rollback("known", before, origin="t", at=NOW).revision is None
    assert labels(store) == {pdq(1): (FLAGGED,)}
    store.approve("known", pdq(1), origin="t", at=NOW)
    store.rollback("known", before + 1, origin="t", at=NOW)
    assert labels(store) == {pdq(1): ()}, "cleared for good"


def test_a_flag_outlives_a_change_that_waited_before_it(store: ListStore) -> None:
    take(store, entry(pdq(1), name="known"))
    changed = [
        ListEntry(list="known", id=value, algorithm="pdq", value=value, category="new")
        for value in (pdq(1), pdq(2), pdq(3))
    ]
    assert store.import_feed("known", whole(*changed), origin="t", at=NOW).reasons
    store.flag(SUSPICION, origin="w", at=NOW)
    store.approve("known", origin="t", at=NOW)
    assert labels(store) == {pdq(1): (FLAGGED,), pdq(2): (), pdq(3): ()}


def test_an_item_that_lost_its_label_is_flagged_again(store: ListStore) -> None:
    take(store, entry(pdq(1), name="known"))
    store.flag(SUSPICION, origin="w", at=NOW)
    store.remove("known", [pdq(1)], origin="t", at=NOW)
    with store.writing() as database:  # as stores before did
        database.execute("DELETE FROM withheld")
        database.execute("UPDATE flagged SET cleared = 1")
    take(store, entry(pdq(1), name="known"))
    with store.writing() as database:
        database.execute("UPDATE flagged SET cleared = 0")
    assert labels(store) == {pdq(1): ()}
    assert store.flag(SUSPICION, origin="w", at=NOW).changed == 1
    assert labels(store) == {pdq(1): (FLAGGED,)}


def base(count: int = 10) -> list[ListEntry]:
    return [entry(f"{n:032x}", algorithm="md5") for n in range(count)]


def test_what_waited_is_observed_from_when_it_is_approved(store: ListStore) -> None:
    take(store, *base())
    new = [entry(pdq(n)) for n in range(1, 6)]
    store.import_feed("a", whole(*base(), *new), origin="t", at=NOW)
    store.approve("a", origin="t", at=NOW + 34 * HOURS)
    assert store.release(NOW + 35 * HOURS) == []
    assert statuses(store)[pdq(1)] == "observed"
    (released,) = store.release(NOW + 58 * HOURS)
    assert released.changed == 5


def test_what_was_rejected_or_out_of_force_is_observed_anew(store: ListStore) -> None:
    take(store, *base())
    new = [entry(pdq(n)) for n in range(1, 6)]
    store.import_feed("a", whole(*base(), *new), origin="t", at=NOW)
    store.reject("a")
    for hours in (60, 200):
        take(store, *base(), new[0], hours=hours)
        assert statuses(store)[pdq(1)] == "observed"
        assert store.release(NOW + (hours + 23) * HOURS) == []
        before = store.revision()
        store.release(NOW + (hours + 24) * HOURS)
        assert statuses(store)[pdq(1)] == "active"
        take(store, *base(), hours=hours + 25)
    store.rollback("a", before, origin="t", at=NOW + 300 * HOURS)
    assert statuses(store)[pdq(1)] == "observed"
    assert store.release(NOW + 323 * HOURS) == []
    store.release(NOW + 324 * HOURS)
    assert statuses(store)[pdq(1)] == "active"


def test_what_waited_acts_at_once_where_its_list_came_to_be_vouched_for(store: ListStore) -> None:
    take(store, *base())
    new = [entry(pdq(n)) for n in range(1, 6)]
    store.import_feed("a", whole(*base(), *new), origin="t", at=NOW)
    info = ListInfo(name="a", default_role="block", verified_by="Someone")
    store.define(info, origin="t", at=NOW)
    store.approve("a", origin="t", at=NOW + HOURS)
    assert statuses(store)[pdq(1)] == "active"


def test_what_waited_passes_the_guard_when_it_is_approved(store: ListStore) -> None:
    known = [entry(each.value, name="known", algorithm="md5") for each in base()]
    take(store, *known)
    new = [entry(value, name="known") for value in (BENIGN, pdq(1), pdq(2))]
    store.import_feed("known", whole(*known, *new), origin="t", at=NOW)
    take(store, entry(BENIGN, name="memes", item_id="cat"))
    assert store.approve("known", origin="t", at=NOW).guarded == 1
    assert [held.id for held in store.held("known")] == [BENIGN]
