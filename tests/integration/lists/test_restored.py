"""A store that is an older copy of what was published: nothing goes out until a person says so."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from matchers.lists.entry import ListInfo
from matchers.lists.librarian import outbox
from matchers.lists.librarian.outbox import compile_store
from matchers.lists.librarian.store import ListStore
from streams.cli.lists import app
from streams.control.follow import ListFollower
from streams.control.librarian import Desk, Librarian
from streams.control.list_changes import announce_snapshot, publish_changes
from streams.control.lists import LiveLists
from streams.control.restored import find_ahead
from streams.metrics import LibrarianMetrics
from tests.integration.lists.test_follow import NOW, control_topic, matched, take


class Place:
    """A librarian's store that was copied with 1 and 2 in it, went on to 1 and 3 and a second
    list, and was then put back from the copy."""

    def __init__(self, bootstrap: str, topic: str, prefix: str, folder: Path) -> None:
        self.bootstrap, self.topic, self.prefix = bootstrap, topic, prefix
        self.client = {"bootstrap_servers": [bootstrap]}
        self.store, self.snapshot = folder / "lists.db", folder / "lists.snapshot"
        self.copy = folder / "copy.db"
        self.said: list[str] = []
        self.metrics = LibrarianMetrics()
        with ListStore.open(self.store) as store:
            store.define(ListInfo(name="a"), origin="t", at=NOW)
            take(store, 1, 2)
            publish_changes(self.client, topic, store)
            assert find_ahead(self.client, topic, store) is None
            compile_store(store, self.snapshot)
            with closing(sqlite3.connect(self.copy)) as copy, store.reading() as database:
                database.backup(copy)
            take(store, 1, 3)
            store.define(ListInfo(name="b"), origin="t", at=NOW)
            publish_changes(self.client, topic, store)
            assert find_ahead(self.client, topic, store) is None, "it knows what it published"

    def put_back(self) -> None:
        for file in self.store.parent.glob("lists.db*"):
            file.unlink()
        self.copy.rename(self.store)

    def librarian(self, store: ListStore, taken: tuple[int, ...] = ()) -> Librarian:
        def fetch(opened: ListStore) -> bool:
            if taken:
                take(opened, *taken)
                opened.define(ListInfo(name="b"), origin="t", at=NOW)
            return False

        desk = Desk(
            store=self.store,
            snapshot=self.snapshot,
            client=self.client,
            topic=self.topic,
            fetch=fetch,
            say=self.said.append,
            complain=self.said.append,
            metrics=self.metrics,
        )
        return Librarian(desk, store)

    def publish(self, *words: str) -> Result:
        command = ["publish", *words, "--store", str(self.store), "--bootstrap", self.bootstrap]
        return CliRunner().invoke(app, command, env={"SEAWALL_PIPELINE_TOPIC_PREFIX": self.prefix})

    def unpublished(self) -> float | None:
        return self.metrics.registry.get_sample_value("seawall_librarian_unpublished_revisions")

    def at_a_worker(self) -> set[int]:
        """What a worker matches that starts now."""

        async def follow() -> set[int]:
            lists = LiveLists([self.snapshot], clock=lambda: datetime.now(UTC))
            await asyncio.to_thread(lists.load)
            client = {"bootstrap_servers": self.bootstrap}
            follower = ListFollower(lists, client, self.topic, lambda: None)
            await follower.catch_up(lambda: False)
            await follower.stop()
            return matched(lists)

        return asyncio.run(follow())


@pytest.fixture
def place(broker: Any, prefix: str, tmp_path: Path) -> Place:
    topic = control_topic(broker.bootstrap, prefix)
    return Place(broker.bootstrap, topic, prefix, tmp_path)


def test_the_store_that_published_is_published_from(place: Place) -> None:
    with ListStore.open(place.store) as store:
        take(store, 1, 3, 4)
        assert place.librarian(store).once() is False
    assert place.at_a_worker() == {1, 3, 4}


def test_an_older_copy_is_said_and_publishes_nothing_until_a_person_says_so(place: Place) -> None:
    place.put_back()
    with ListStore.open(place.store) as store:
        take(store, 1, 2, 4)
        assert place.librarian(store).once() is True
        (told,) = [line for line in place.said if line.startswith("not published")]
        assert "2 entries, such as" in told
        assert "1 lists, such as 'b'" in told
        assert "seawall lists publish --restored" in told
        with store.reading() as database:
            assert outbox.unpublished(database) == 1
    assert place.at_a_worker() == {1, 3}

    refused = place.publish()
    assert refused.exit_code == 1
    assert "seawall lists publish --restored" in refused.stderr
    assert place.at_a_worker() == {1, 3}

    done = place.publish("--restored")
    assert done.exit_code == 1, "a snapshot is due"
    assert "2 told anew" in done.stdout
    assert "1 changes published" in done.stdout
    assert place.at_a_worker() == {1, 2, 4}
    with ListStore.open(place.store) as store:
        assert place.librarian(store).once() is False
        with store.reading() as database:
            assert not outbox.due(database), "compiled"
    assert place.at_a_worker() == {1, 2, 4}
    assert place.publish().exit_code == 0
    assert place.publish("--restored").exit_code == 0


def test_it_is_counted_and_goes_on_by_itself_once_told_otherwise(place: Place) -> None:
    place.put_back()
    with ListStore.open(place.store) as store:
        librarian = place.librarian(store)
        assert librarian.once() is True
        librarian._measure()
        assert place.unpublished() == 3
        assert place.publish("--restored").exit_code == 1
        assert librarian.once() is False
        librarian._measure()
        assert place.unpublished() == 0
    assert place.at_a_worker() == {1, 2}


def test_what_its_sources_bring_back_is_not_missed(place: Place) -> None:
    place.put_back()
    with ListStore.open(place.store) as store:
        assert place.librarian(store, taken=(1, 3)).once() is False
    assert place.at_a_worker() == {1, 3}
    assert not any("not published" in line for line in place.said)


def test_a_snapshot_of_a_newer_store_stays_in_use(place: Place) -> None:
    with ListStore.open(place.store) as store:
        version = compile_store(store, place.snapshot).version
        announce_snapshot(place.client, place.topic, version)
        assert find_ahead(place.client, place.topic, store) is None
    place.put_back()
    with ListStore.open(place.store) as store:
        assert place.librarian(store, taken=(1, 3)).once() is True
        place.snapshot.unlink()
        assert place.librarian(store).once() is True
        assert f"snapshot {version}" in place.said[-1]
    assert not place.snapshot.exists(), "an older one would take away what only that one had"
    assert place.publish("--restored").exit_code == 1
    with ListStore.open(place.store) as store:
        assert place.librarian(store).once() is False
    assert place.at_a_worker() == {1, 3}


def test_a_new_store_is_not_taken_for_the_one_before(place: Place) -> None:
    for file in place.store.parent.glob("lists.db*"):
        file.unlink()
    with ListStore.open(place.store) as store:
        assert place.librarian(store).once() is True
    assert place.at_a_worker() == {1, 3}
