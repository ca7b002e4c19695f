"""Following list services over HTTP: windows, resumption, retries, and what they get wrong."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from matchers.lists.entry import ListInfo
from matchers.lists.librarian.catalogue import CataloguedList, Source
from matchers.lists.librarian.fetch import ATTEMPTS, Fetch, FetchFailed
from matchers.lists.librarian.store import ListStore
from matchers.lists.librarian.sync import Synced, sync_list
from tests.integration.lists.service import Service, service

NOW = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Service]:
    with service() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ListStore]:
    with ListStore.open(tmp_path / "lists.db") as opened:
        opened.define(ListInfo(name="n"), origin="test", at=NOW)
        yield opened


def image(name: str, day: int, digest: str | None = None, *, gone: bool = False) -> str:
    tag = "deletedImage" if gone else "image"
    prints = "" if gone else f"<fingerprints><md5>{digest or name * 32}</md5></fingerprints>"
    return (
        f'<{tag}><member id="1">M</member><timestamp>2026-01-{day:02}T00:00:00Z</timestamp>'
        f"<id>{name}</id>{prints}</{tag}>"
    )


def page(*images: str, following: str = "") -> bytes:
    paging = f"<paging><next>{following}</next></paging>" if following else ""
    return (
        '<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">'
        f"<images>{''.join(images)}</images>{paging}</queryResult>"
    ).encode()


def sync(
    store: ListStore,
    server: Service,
    at: datetime = NOW,
    waits: list[float] | None = None,
    format_name: Any = "ncmec",
    **source: Any,
) -> Synced:
    waited: list[float] = [] if waits is None else waits
    listed = CataloguedList(
        name="n", format=format_name, source=Source(url=server.url, timeout_seconds=0.3, **source)
    )
    assert listed.source is not None
    return sync_list(store, listed, Fetch(listed.source, waited.append), now=at)


def values(store: ListStore) -> set[str]:
    return {entry.value[0] for entry in store.entries("n")}


PAGES = {
    None: page(image("a", 5), image("b", 6), following="/v2/entries?start=2"),
    "2": page(
        image("c", 1),
        image("a", 7, gone=True),
        image("b", 3, "f" * 32),
        image("d", 2, "bad"),
        following="/v2/entries?start=3",
    ),
    "3": page(image("e", 4), image("b", 6)),
}


def test_a_window_of_pages_that_repeat_reorder_delete_and_hold_bad_rows(
    store: ListStore, server: Service
) -> None:
    server.answer = lambda path, query: (200, PAGES[query.get("start")])
    done = sync(store, server)
    assert values(store) == {"b", "c", "e"}, "the newest of each counts"
    assert done.pages == 3
    assert [row.reason.split(":")[0] for row in done.rejected] == ["page 2"]
    assert server.asked[0] == (
        "/v2/entries?from=1970-01-01T00%3A00%3A00Z&to=2026-01-10T00%3A00%3A00Z"
    )
    server.answer = lambda path, query: (200, page())
    later = NOW + timedelta(hours=1)
    assert sync(store, server, later).outcome.revision is None
    assert "from=2026-01-09T23%3A50%3A00Z&to=2026-01-10T01%3A00%3A00Z" in server.asked[-1]


def test_the_checkpoint_moves_only_when_the_window_is_drained(
    store: ListStore, server: Service
) -> None:
    server.answer = lambda path, query: (
        (500, b"") if query.get("start") == "2" else (200, PAGES[query.get("start")])
    )
    waits: list[float] = []
    with pytest.raises(FetchFailed, match="HTTP 500, 5 times"):
        sync(store, server, waits=waits)
    assert len(waits) == ATTEMPTS - 1
    assert waits == sorted(waits)
    assert values(store) == set()
    server.asked.clear()
    server.answer = lambda path, query: (200, PAGES[query.get("start")])
    sync(store, server, NOW + timedelta(hours=5))
    assert server.asked == ["/v2/entries?start=2", "/v2/entries?start=3"], "goes on where it was"
    assert values(store) == {"b", "c", "e"}
    server.answer = lambda path, query: (200, page())
    sync(store, server, NOW + timedelta(hours=6))
    assert "from=2026-01-09T23%3A50%3A00Z" in server.asked[-1], "the window was the first run's"


def test_a_page_that_is_gone_begins_the_window_again(store: ListStore, server: Service) -> None:
    server.answer = lambda path, query: (
        (503, b"") if query.get("start") == "3" else (200, PAGES[query.get("start")])
    )
    with pytest.raises(FetchFailed):
        sync(store, server)
    forgotten = True

    def answer(path: str, query: dict[str, str]) -> tuple[int, bytes]:
        nonlocal forgotten
        if query.get("start") == "3" and forgotten:
            forgotten = False
            return 410, b""
        return 200, PAGES[query.get("start")]

    server.answer = answer
    sync(store, server)
    assert values(store) == {"b", "c", "e"}


@pytest.mark.parametrize("failure", [(0, b""), (-1, PAGES["3"]), (200, PAGES["3"][:100])])
def test_timeouts_and_cut_answers_are_tried_again(
    store: ListStore, server: Service, failure: tuple[int, bytes]
) -> None:
    failures = [failure]
    server.answer = lambda path, query: failures.pop() if failures else (200, PAGES["3"])
    sync(store, server)
    assert values(store) == {"b", "e"}


def test_it_waits_as_long_as_it_is_told(store: ListStore, server: Service) -> None:
    answers: list[Any] = [(200, PAGES["3"]), (429, b"", {"Retry-After": "7"})]
    server.answer = lambda path, query: answers.pop()
    waits: list[float] = []
    sync(store, server, waits=waits)
    assert waits == [7.0]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, page(following="/v2/entries?start=9")), "paging loops"),
        ((200, page(following="https://elsewhere.example/x")), "another server"),
        ((302, b"", {"Location": "http://elsewhere.example/"}), "HTTP 302"),
        ((401, b""), "HTTP 401"),
    ],
)
def test_what_cannot_be_right_fails(
    store: ListStore, server: Service, answer: Any, reason: str
) -> None:
    server.answer = lambda path, query: answer
    with pytest.raises(FetchFailed, match=reason):
        sync(store, server)
    assert values(store) == set()


def test_secrets_come_from_files_and_are_sent_as_headers(
    store: ListStore, server: Service, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("open sesame\n")
    server.answer = lambda path, query: (200, page())
    sync(
        store,
        server,
        username="us",
        password_file=str(secret),
        header_files={"x-functions-key": str(secret)},
    )
    assert server.headers[0]["Authorization"] == "Basic dXM6b3BlbiBzZXNhbWU="
    assert {v for k, v in server.headers[0].items() if k.lower() == "x-functions-key"} == {
        "open sesame"
    }
    with pytest.raises(FetchFailed, match="secret cannot be read"):
        sync(store, server, username="us", password_file=str(tmp_path / "none"))


def ncii(*records: tuple[str, str], token: str | None = None, checkpoint: int = 0) -> bytes:
    return json.dumps(
        {
            "hashRecords": [
                {"signalType": "ImagePDQ", "hashValue": value * 64, "hashStatus": status}
                for value, status in records
            ],
            "hasMoreRecords": token is not None,
            "nextPageToken": token,
            "nextSetTimestamp": checkpoint,
        }
    ).encode()


def test_stopncii_pages_by_token(store: ListStore, server: Service) -> None:
    server.answer = lambda path, query: (
        (200, ncii(("a", "Active"), ("b", "Received"), token="t1", checkpoint=900))
        if "nextPageToken" not in query
        else (200, ncii(("b", "Withdrawn"), checkpoint=800))
    )
    sync(store, server, format_name="stopncii", page_size=2)
    assert values(store) == {"a"}
    assert server.asked == [
        "/FetchHashes?startTimestamp=0&pageSize=2",
        "/FetchHashes?startTimestamp=0&pageSize=2&nextPageToken=t1",
    ]
    server.answer = lambda path, query: (200, ncii(checkpoint=700))
    sync(store, server, format_name="stopncii")
    sync(store, server, format_name="stopncii")
    assert "startTimestamp=800" in server.asked[-1], "never goes back"


def test_a_checkpoint_of_thousands_of_digits_takes_nothing_with_it(
    store: ListStore, server: Service
) -> None:
    server.answer = lambda path, query: (200, ncii(("a", "Active"), checkpoint=900))
    sync(store, server, format_name="stopncii")
    for huge in ("9" * 5000, f'"{"9" * 5000}"'):
        body = ncii(("b", "Active"), checkpoint=7).replace(b": 7", f": {huge}".encode())
        server.answer = lambda path, query, body=body: (200, body)
        done = sync(store, server, format_name="stopncii")
        assert "nextSetTimestamp" in done.rejected[0].reason
        assert done.outcome.added == 1
    server.answer = lambda path, query: (200, ncii(checkpoint=901))
    sync(store, server, format_name="stopncii")
    assert "startTimestamp=900" in server.asked[-1]


def test_a_length_of_thousands_of_digits_is_an_answer_cut_off(
    store: ListStore, server: Service
) -> None:
    # The first of the two headers is the one that is read.
    server.answer = lambda path, query: (200, page(), {"Content-Length": "9" * 5000})
    with pytest.raises(FetchFailed, match="IncompleteRead"):
        sync(store, server)


def test_a_whole_list_is_fetched_when_it_changed(store: ListStore, server: Service) -> None:
    tags: list[str | None] = []

    def answer(path: str, query: dict[str, str]) -> Any:
        tags.append(server.headers[-1].get("If-None-Match"))
        if tags[-1] == '"1"':
            return 304, b""
        return 200, b"http://listed.example/a\nhttp://listed.example/b\n", {"ETag": '"1"'}

    server.answer = answer
    assert sync(store, server, format_name="urls").outcome.added == 2
    assert sync(store, server, format_name="urls").outcome.revision is None
    assert tags == [None, '"1"']


def test_a_drained_window_that_is_too_large_waits_and_is_not_fetched_again(
    store: ListStore, server: Service
) -> None:
    names = [f"{number:x}" for number in range(16)]
    server.answer = lambda path, query: (200, page(*(image(n, 1) for n in names)))
    sync(store, server)
    server.answer = lambda path, query: (200, page(*(image(n, 2, gone=True) for n in "0123")))
    outcome = sync(store, server, NOW + timedelta(hours=1)).outcome
    assert "removes 4 of 16" in outcome.reasons[0]
    assert len(values(store)) == 16
    server.answer = lambda path, query: (200, page())
    sync(store, server, NOW + timedelta(hours=2))
    assert "from=2026-01-10T00%3A50" in server.asked[-1]
    assert len(store.waiting()) == 1
    store.approve("n", origin="someone", at=NOW)
    assert len(values(store)) == 12
