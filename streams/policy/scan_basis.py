"""The legal gate: which scans are permitted, for whom, where and when.

`scan_basis` is a table of rows. A row names a tenant, a surface and a jurisdiction (each may be
`*`), the days on which it is valid, and the scans that it permits then. Nothing is assumed
lawful: where no row applies, every scan is withheld.

Which rows decide:

1. A row applies to an event when each of its three columns is `*` or the event's. A jurisdiction
   also covers its parts: a row for `DE` applies to `DE-BY`. An event without a jurisdiction is
   covered by `*` only.
2. A row yields to every applying row that is more specific: at least as specific in each column
   and more so in one. The validity plays no part in this, so that a row that has lapsed withholds
   rather than giving way to a wider row that permits.
3. Of rows with the same three columns, those that are valid add up.
4. Where several rows remain of which none is more specific (one for a tenant everywhere, one for
   a country and every tenant), a scan is permitted only when each permits it.

What withholding does to an event: without `text` its text is dropped, and with it the addresses
in it; without `url` its `urls` are dropped, and stages leave addresses in a text alone; without
`hash` its media are dropped, bytes and hashes, and `provenance`, which reads the bytes, is
withheld too; without `provenance` stages do not read it. Stages find what is withheld in the
envelope's `scans_withheld`.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, NamedTuple, get_args

from msgspec import Meta, Struct
from msgspec.structs import replace

from streams.contracts.event import ContentEvent
from streams.contracts.values import Scan, Surface

ANY = "*"
SCANS: tuple[Scan, ...] = get_args(Scan)
_CACHE_LIMIT = 4096
"""Answers kept: jurisdictions come from outside, and could be of any number."""
_NEVER = 2**62
_DAY_MS = 86_400_000


class ScanBasisRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A legal basis. `valid_until` is the last day on which it holds; days are in UTC. `basis`
    says which law, consent or assessment it rests on."""

    tenant: Annotated[str, Meta(min_length=1, max_length=256)] = ANY
    surface: Surface | Literal["*"] = ANY
    jurisdiction: Annotated[str, Meta(min_length=1, max_length=16)] = ANY
    valid_from: date | None = None
    valid_until: date | None = None
    scans: tuple[Scan, ...]
    basis: str = ""

    def __post_init__(self) -> None:
        if self.valid_from and self.valid_until and self.valid_from > self.valid_until:
            raise ValueError("valid_from must not be later than valid_until")


class Lapse(NamedTuple):
    """Scans that a basis permits until before `at_ms` (milliseconds since the epoch), and then
    does not."""

    at_ms: int
    tenant: str
    surface: str
    jurisdiction: str
    scans: tuple[Scan, ...]


class Basis(NamedTuple):
    """What is permitted, and the numbers (from 0) of the rows that decided it. `valid` are those
    of them that are valid. The answer holds from `since_ms` until before `until_ms`."""

    permitted: tuple[Scan, ...]
    withheld: tuple[Scan, ...]
    decided_by: tuple[int, ...]
    valid: tuple[int, ...]
    since_ms: int
    until_ms: int


class _Columns(NamedTuple):
    tenant: str
    surface: str
    jurisdiction: str

    def specificity(self) -> tuple[int, int, int]:
        return (
            self.tenant != ANY,
            self.surface != ANY,
            0 if self.jurisdiction == ANY else 1 + self.jurisdiction.count("-"),
        )


class _Row(NamedTuple):
    number: int
    since_ms: int
    until_ms: int
    scans: frozenset[Scan]


class ScanBasis:
    """The table, compiled. `apply` is called for every event and looks up a cached answer."""

    def __init__(self, rows: Sequence[ScanBasisRow]) -> None:
        self.rows = tuple(rows)
        self._by_columns: dict[_Columns, list[_Row]] = {}
        for number, row in enumerate(rows):
            columns = _Columns(row.tenant, row.surface, row.jurisdiction.upper())
            since = _day_start(row.valid_from) if row.valid_from else -_NEVER
            until = _day_end(row.valid_until) if row.valid_until else _NEVER
            self._by_columns.setdefault(columns, []).append(
                _Row(number, since, until, frozenset(row.scans))
            )
        self._cache: dict[tuple[str, str, str | None], tuple[int, int, tuple[Scan, ...]]] = {}

    def apply(self, event: ContentEvent, received_at: int) -> tuple[ContentEvent, tuple[Scan, ...]]:
        """The event without what may not be scanned at `received_at` (milliseconds since the
        epoch), and the scans withheld, whether or not the event held anything for them."""
        key = (event.tenant, event.surface, event.jurisdiction)
        answer = self._cache.get(key)
        if answer is None or not answer[0] <= received_at < answer[1]:
            basis = self.basis(*key, received_at)
            answer = (basis.since_ms, basis.until_ms, basis.withheld)
            if len(self._cache) >= _CACHE_LIMIT:
                self._cache.clear()
            self._cache[key] = answer
        withheld = answer[2]
        return (_strip(event, withheld) if withheld else event), withheld

    def basis(self, tenant: str, surface: Surface, jurisdiction: str | None, at_ms: int) -> Basis:
        """What the table says of an event of that kind at that time, and which rows say so."""
        deciding = self._deciding(tenant, surface, jurisdiction)
        permitted = set(SCANS) if deciding else set[Scan]()
        numbers: list[int] = []
        valid: list[int] = []
        since, until = -_NEVER, _NEVER
        for rows in deciding:
            scans: set[Scan] = set()
            for row in rows:
                numbers.append(row.number)
                if row.since_ms <= at_ms < row.until_ms:
                    valid.append(row.number)
                    scans |= row.scans
                for edge in (row.since_ms, row.until_ms):
                    if edge <= at_ms:
                        since = max(since, edge)
                    else:
                        until = min(until, edge)
            permitted &= scans
        if "hash" not in permitted:
            permitted.discard("provenance")
        return Basis(
            tuple(scan for scan in SCANS if scan in permitted),
            tuple(scan for scan in SCANS if scan not in permitted),
            tuple(sorted(numbers)),
            tuple(sorted(valid)),
            since,
            until,
        )

    def next_lapse(self, now_ms: int) -> Lapse | None:
        """The first time after now at which a row's scans lapse with no row of the same columns
        to follow; `None` when nothing will."""
        lapses: list[Lapse] = []
        for columns, rows in self._by_columns.items():
            ends: dict[int, list[Scan]] = {}
            for scan in SCANS:
                end = _covered_until(scan, rows, now_ms)
                if now_ms < end < _NEVER:
                    ends.setdefault(end, []).append(scan)
            lapses += [Lapse(end, *columns, tuple(scans)) for end, scans in ends.items()]
        return min(lapses, default=None)

    def lapsed(self, now_ms: int) -> list[Lapse]:
        """What rows permitted once, and no row of the same columns permits now, in the order of
        the table, with the last time from which it was not permitted."""
        found: list[Lapse] = []
        for columns, rows in self._by_columns.items():
            ends: dict[int, list[Scan]] = {}
            for scan in SCANS:
                permitting = [row for row in rows if scan in row.scans]
                over = [row.until_ms for row in permitting if row.until_ms <= now_ms]
                if over and not any(row.since_ms <= now_ms < row.until_ms for row in permitting):
                    ends.setdefault(max(over), []).append(scan)
            found += [Lapse(end, *columns, tuple(ends[end])) for end in sorted(ends)]
        return found

    def first_lapse(self, now_ms: int) -> Lapse | None:
        """The earliest of those that have lapsed, else the next to; `None` when there is neither.
        For the metric that alerts before it happens, and until the table no longer holds it."""
        return min(self.lapsed(now_ms), default=self.next_lapse(now_ms))

    def is_over(self, now_ms: int) -> bool:
        """Whether some row permitted a scan, and none does now or will later."""
        ends = [row.until_ms for rows in self._by_columns.values() for row in rows if row.scans]
        return bool(ends) and max(ends) <= now_ms

    def _deciding(
        self, tenant: str, surface: Surface, jurisdiction: str | None
    ) -> list[list[_Row]]:
        wider = _and_wider(jurisdiction)
        applying = [
            columns
            for t in (tenant, ANY)
            for s in (surface, ANY)
            for j in wider
            if (columns := _Columns(t, s, j)) in self._by_columns
        ]
        return [
            self._by_columns[columns]
            for columns in dict.fromkeys(applying)
            if not any(_more_specific(other, columns) for other in applying)
        ]


def covers(jurisdiction: str, of_event: str | None) -> bool:
    """Whether a jurisdiction of a rule or row (`*`, `DE`, `DE-BY`) covers an event's."""
    return jurisdiction.upper() in _and_wider(of_event)


def _and_wider(jurisdiction: str | None) -> list[str]:
    """`DE-BY` gives `DE-BY`, `DE`, `*` (ISO 3166-2 writes a part after its country)."""
    if jurisdiction is None:
        return [ANY]
    parts = jurisdiction.upper().split("-")
    return ["-".join(parts[:count]) for count in range(len(parts), 0, -1)] + [ANY]


def _more_specific(one: _Columns, other: _Columns) -> bool:
    ours, theirs = one.specificity(), other.specificity()
    return ours != theirs and all(a >= b for a, b in zip(ours, theirs, strict=True))


def _covered_until(scan: Scan, rows: Sequence[_Row], now_ms: int) -> int:
    """The end of the unbroken time, from now, in which some row permits the scan."""
    end = now_ms
    for row in sorted(rows, key=lambda row: row.since_ms):
        if scan in row.scans and row.since_ms <= end < row.until_ms:
            end = row.until_ms
    return end


def _strip(event: ContentEvent, withheld: tuple[Scan, ...]) -> ContentEvent:
    changes: dict[str, Any] = {}
    if event.text is not None and "text" in withheld:
        changes["text"] = None
    if event.urls and "url" in withheld:
        changes["urls"] = []
    if event.media and "hash" in withheld:
        changes["media"] = []
    return replace(event, **changes) if changes else event


def _day_end(day: date) -> int:
    """After the last day that there is in a calendar of four digits comes no other: it stands for
    no end."""
    return _NEVER if day == date.max else _day_start(day) + _DAY_MS


def _day_start(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
