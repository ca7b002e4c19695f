"""The addresses of a batch of events, looked up in one go."""

from matchers.indexes.url_finder import (
    MAX_FURTHER_READINGS,
    FoundUrl,
    further_readings,
    may_hold_url,
    search_urls,
)
from matchers.lists.matcher import ListMatcher, Match
from streams.contracts.envelope import Envelope
from streams.contracts.event import ContentEvent
from streams.contracts.signal import Signal, UrlMatch

ADDRESSES_CUT = "addresses_cut"
"""In `degraded`: the event has more addresses, or more ways to read them, than are looked up."""


class UrlQueries:
    """The addresses of a batch, and whose they are: an index in `urls`, or a place in the text."""

    def __init__(self, listed: bool) -> None:
        self._listed = listed
        self._urls: list[str] = []
        self._owners: list[tuple[Envelope, int | FoundUrl, int]] = []

    def add(self, envelope: Envelope, event: ContentEvent) -> None:
        if "url" in envelope.scans_withheld:
            return
        if not self._listed:
            return
        if "url" not in envelope.scans_performed:
            envelope.scans_performed.append("url")
        cut = False
        left = MAX_FURTHER_READINGS
        for index, url in enumerate(event.urls):
            address = len(self._urls)
            self._urls.append(url)
            self._owners.append((envelope, index, address))
            if not left:
                cut = True
                continue
            further = further_readings(url)
            cut = cut or further.cut or len(further.urls) > left
            for reading in further.urls[:left]:
                self._urls.append(reading)
                self._owners.append((envelope, index, address))
                left -= 1
        if event.text and may_hold_url(event.text):
            found = search_urls(event.text)
            cut = cut or found.cut
            for first in found.urls:
                address = len(self._urls)
                for reading in (first, *first.also):
                    self._urls.append(reading.url)
                    self._owners.append((envelope, reading, address))
        if cut and ADDRESSES_CUT not in envelope.degraded:
            envelope.degraded.append(ADDRESSES_CUT)

    def match(self, matcher: ListMatcher) -> list[tuple[Envelope, Signal]]:
        if not self._urls:
            return []
        signals: list[tuple[Envelope, Signal]] = []
        told: set[tuple[int, str, str, str, str]] = set()
        found = matcher.match_urls(self._urls)
        for (envelope, place, address), matches in zip(self._owners, found, strict=True):
            for match in matches:
                # The readings of one address share its host: an entry is told of the first.
                about = (address, match.list, match.entry, match.category, match.role)
                if about in told:
                    continue
                told.add(about)
                signals.append((envelope, _url_signal(place, match)))
        return signals


def _url_signal(place: int | FoundUrl, match: Match) -> UrlMatch:
    in_text = isinstance(place, FoundUrl)
    return UrlMatch(
        list=match.list,
        entry=match.entry,
        role=match.role,
        category=match.category,
        source_kind=match.source_kind,
        verified=match.verified,
        url_index=None if in_text else place,
        start=place.start if in_text else None,
        end=place.end if in_text else None,
        labels=match.labels,
        verified_by=match.verified_by,
    )
