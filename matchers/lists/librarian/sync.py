"""Following a list service: fetch what is new, page by page, and import it.

Services that page do so over a window of time, and not in its order, so that what was read tells
nothing until the window is drained: pages are kept in the store as they come, and only with the
last one are they imported and the checkpoint moved, in one transaction. A crash or a failure in
between loses no page; the next run goes on where this one ended.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from matchers.lists.csv_format import RejectedRow, UnreadableList
from matchers.lists.formats.feed import Feed
from matchers.lists.formats.registry import read_feed
from matchers.lists.librarian.catalogue import CataloguedList
from matchers.lists.librarian.fetch import Fetch, FetchFailed
from matchers.lists.librarian.files import reading_of
from matchers.lists.librarian.schema import FILE_MARK
from matchers.lists.librarian.store import ListStore, Outcome, Refused

OVERLAP = timedelta(minutes=10)
"""A window begins so long before the end of the last: entries can be stored later than they are
dated. What comes twice changes nothing."""
UNREADABLE_ATTEMPTS = 3
_ETAG = "etag:"
_BEGINNING = "1970-01-01T00:00:00Z"


class Synced(NamedTuple):
    """What came of it. Rejected and held rows name their page."""

    outcome: Outcome
    pages: int
    rejected: list[RejectedRow]
    held: list[RejectedRow]


class _State(NamedTuple):
    """How far a list's source is read: `window` says which is open, `page` what to fetch next."""

    checkpoint: str | None = None
    window: str | None = None
    page: str | None = None


def sync_list(store: ListStore, listed: CataloguedList, fetch: Fetch, *, now: datetime) -> Synced:
    """Bring a list up to what its source says now.

    Raises `FetchFailed` and `UnreadableList`, with the pages read so far kept, and `Refused` when
    the list has no source.
    """
    if listed.source is None:
        raise Refused(f"list {listed.name!r} has no source to fetch from")
    pager = _PAGERS.get(listed.format)
    if pager is None:
        done = _fetch_whole(store, listed, fetch, now)
    else:
        done = _resume(store, listed, fetch, pager, now)
    store.mark_synced(listed.name, now)
    return done


def _resume(
    store: ListStore, listed: CataloguedList, fetch: Fetch, pager: "_Pager", now: datetime
) -> Synced:
    try:
        return _drain(store, listed, fetch, pager, now)
    except FetchFailed as error:
        if error.status is None or not 400 <= error.status < 500 or not _pages(store, listed.name):
            raise
        # The next page is not known any more: its window is read from the beginning.
        _forget_window(store, listed.name)
        return _drain(store, listed, fetch, pager, now)


def _fetch_whole(store: ListStore, listed: CataloguedList, fetch: Fetch, now: datetime) -> Synced:
    state = _state(store, listed.name)
    mark = _etag_mark(listed)
    known = state.checkpoint or ""
    answer = fetch.get("", known.removeprefix(mark) if known.startswith(mark) else None)
    if answer.status == 304:
        return Synced(Outcome(list=listed.name), 0, [], [])
    feed = read_feed(
        answer.body,
        listed.format,
        listed.name,
        columns=listed.columns,
        algorithm=listed.algorithm,
    )
    outcome = _take(
        store, listed.name, feed, _State(mark + answer.etag if answer.etag else None), now
    )
    return Synced(outcome, 1, feed.rejected, feed.held)


def _etag_mark(listed: CataloguedList) -> str:
    """Begins the checkpoint of a whole list: its ETag says that nothing changed to whoever reads
    the same address in the same way."""
    digest = hashlib.sha256(reading_of(listed))
    digest.update(listed.source.url.encode() if listed.source else b"")
    return f"{_ETAG}{digest.hexdigest()[:16]}:"


def _drain(
    store: ListStore,
    listed: CataloguedList,
    fetch: Fetch,
    pager: "_Pager",
    now: datetime,
) -> Synced:
    name = listed.name
    state = _state(store, name)
    if (state.checkpoint or "").startswith(_ETAG):  # from when its source was whole
        state = _State()
    if state.window is None:
        state = state._replace(window=_text(now), page=None)
    page: str | None = state.page or pager.first(listed, state)
    while page is not None:
        feed = _read_page(listed, fetch, page)
        following = pager.following(listed, state, feed)
        seen = _pages(store, name)
        if following is not None and (following == page or following in seen):
            _forget_window(store, name)
            raise FetchFailed("the service names a page again that was read: its paging loops")
        state = state._replace(page=following)
        with store.writing() as database:
            database.execute(
                "INSERT INTO sync_pages VALUES (?, ?, ?, ?)",
                (name, len(seen), page, msgspec.msgpack.encode(feed)),
            )
            _keep_state(database, name, state)
        page = following
    feeds = _feeds(store, name)
    whole = Feed(
        items=[item for feed in feeds for item in feed.items],
        rejected=_on_pages(feeds, lambda feed: feed.rejected),
        held=_on_pages(feeds, lambda feed: feed.held),
        whole=False,
    )
    checkpoint = pager.checkpoint(state, feeds[-1])
    outcome = _take(store, name, whole, _State(checkpoint), now)
    return Synced(outcome, len(feeds), whole.rejected, whole.held)


def _read_page(listed: CataloguedList, fetch: Fetch, page: str) -> Feed:
    """A page that cannot be read is fetched again: it may have been cut off."""
    for attempt in range(1, UNREADABLE_ATTEMPTS + 1):
        try:
            return read_feed(fetch.get(page).body, listed.format, listed.name)
        except UnreadableList:
            if attempt == UNREADABLE_ATTEMPTS:
                raise
    raise AssertionError("not reached")


def _take(store: ListStore, name: str, feed: Feed, after: _State, now: datetime) -> Outcome:
    def move(database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM sync_pages WHERE list = ?", (name,))
        _keep_state(database, name, after)

    return store.import_feed(name, feed, origin="sync", at=now, kind="sync", also=move)


class _Pager:
    """How one service pages: addresses are given from the source's own on."""

    def first(self, listed: CataloguedList, state: _State) -> str:
        """The first page of the window."""
        raise NotImplementedError

    def following(self, listed: CataloguedList, state: _State, feed: Feed) -> str | None:
        """The page after this one; `None` after the last."""
        raise NotImplementedError

    def checkpoint(self, state: _State, last: Feed) -> str:
        """Where the next window begins."""
        raise NotImplementedError


class _NcmecPager(_Pager):
    def first(self, listed: CataloguedList, state: _State) -> str:
        window = {"from": state.checkpoint or _BEGINNING, "to": state.window or ""}
        return f"/v2/entries?{urlencode(window)}"

    def following(self, listed: CataloguedList, state: _State, feed: Feed) -> str | None:
        return feed.next_page

    def checkpoint(self, state: _State, last: Feed) -> str:
        return _text(datetime.fromisoformat(state.window or _BEGINNING) - OVERLAP)


class _StopNciiPager(_Pager):
    def first(self, listed: CataloguedList, state: _State) -> str:
        return self._page(listed, state)

    def following(self, listed: CataloguedList, state: _State, feed: Feed) -> str | None:
        return None if feed.next_page is None else self._page(listed, state, feed.next_page)

    def checkpoint(self, state: _State, last: Feed) -> str:
        # Seen to lie before that of earlier pages; never before the last window's.
        return str(max(int(last.checkpoint or 0), int(state.checkpoint or 0)))

    def _page(self, listed: CataloguedList, state: _State, token: str = "") -> str:
        size = listed.source.page_size if listed.source else 0
        query = {"startTimestamp": state.checkpoint or "0", "pageSize": str(size)}
        return "/FetchHashes?" + urlencode(query | ({"nextPageToken": token} if token else {}))


_PAGERS: Mapping[str, _Pager] = {"ncmec": _NcmecPager(), "stopncii": _StopNciiPager()}


def _state(store: ListStore, name: str) -> _State:
    with store.reading() as database:
        row = database.execute(
            "SELECT checkpoint, window, page FROM sync WHERE list = ?", (name,)
        ).fetchone()
    # What is known of a file, from which the list came before, says nothing of a service.
    if row is None or (row[0] or "").startswith(FILE_MARK):
        return _State()
    return _State(*row)


def _keep_state(database: sqlite3.Connection, name: str, state: _State) -> None:
    database.execute("INSERT OR REPLACE INTO sync VALUES (?, ?, ?, ?)", (name, *state))


def _forget_window(store: ListStore, name: str) -> None:
    with store.writing() as database:
        database.execute("UPDATE sync SET window = NULL, page = NULL WHERE list = ?", (name,))
        database.execute("DELETE FROM sync_pages WHERE list = ?", (name,))


def _pages(store: ListStore, name: str) -> list[str]:
    """The pages of the open window that were read."""
    with store.reading() as database:
        rows = database.execute(
            "SELECT page FROM sync_pages WHERE list = ? ORDER BY number", (name,)
        )
        return [page for (page,) in rows]


def _feeds(store: ListStore, name: str) -> list[Feed]:
    with store.reading() as database:
        rows = database.execute(
            "SELECT feed FROM sync_pages WHERE list = ? ORDER BY number", (name,)
        )
        return [msgspec.msgpack.decode(feed, type=Feed) for (feed,) in rows]


def _on_pages(feeds: list[Feed], rows: Callable[[Feed], list[RejectedRow]]) -> list[RejectedRow]:
    return [
        RejectedRow(line, f"page {number}: {reason}")
        for number, feed in enumerate(feeds, 1)
        for line, reason in rows(feed)
    ]


def _text(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
