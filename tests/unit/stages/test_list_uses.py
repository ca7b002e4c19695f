"""What a list may be used for, and where, is enforced on what it matches."""

from datetime import UTC, datetime

import pytest

from matchers.lists.entry import NO_REPORT, ListEntry, ListInfo
from matchers.lists.matcher import ListMatcher
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Media, MediaHashes
from streams.contracts.signal import HashMatch
from streams.stages.hash_matching import HashMatching

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MD5 = "ab" * 16


def looked_up(jurisdiction: str | None, *infos: ListInfo, md5: str = MD5) -> Envelope:
    entries = [ListEntry(list=info.name, id="1", algorithm="md5", value=MD5) for info in infos]
    matcher = ListMatcher({info.name: info for info in infos}, entries, loaded_at=NOW)
    event = ContentEvent(
        event_id="e",
        tenant="t",
        kind="created",
        occurred_at=NOW,
        content_id="c",
        surface="post",
        author=Author(id="a"),
        media=[
            Media(
                media_id="m",
                media_type="image/png",
                hashes=MediaHashes(md5=md5),
                hash_origin="server",
            )
        ],
        jurisdiction=jurisdiction,
    )
    (envelope,) = (
        HashMatching(lambda: matcher).run([Envelope(event=event, received_at=0)], {}).batch
    )
    return envelope


def matches(envelope: Envelope) -> list[HashMatch]:
    return [signal for signal in envelope.signals if isinstance(signal, HashMatch)]


BLOCKS = ListInfo(name="all", default_role="block")


@pytest.mark.parametrize(
    ("jurisdiction", "used"), [("DE", True), ("DE-BY", True), ("FR", False), (None, False)]
)
def test_a_list_is_used_in_its_jurisdictions_only(jurisdiction: str | None, used: bool) -> None:
    german = ListInfo(name="german", default_role="block", jurisdictions=("DE",))
    envelope = looked_up(jurisdiction, german, BLOCKS)
    assert {match.list for match in matches(envelope)} == ({"all", "german"} if used else {"all"})
    assert envelope.degraded == ([] if used else ["list_withheld:german"])


def test_what_is_withheld_says_nothing_of_whether_it_would_have_matched() -> None:
    german = ListInfo(name="german", jurisdictions=("DE",))
    assert looked_up("FR", german, md5="cd" * 16).degraded == looked_up("FR", german).degraded


def test_a_list_is_used_for_what_it_permits() -> None:
    seen = ListInfo(name="seen", default_role="block", permitted_uses=("detect",))
    held = ListInfo(name="acts", default_role="block", permitted_uses=("detect", "enforce"))
    whole = ListInfo(
        name="whole", default_role="block", permitted_uses=("detect", "enforce", "report")
    )
    never = ListInfo(name="never", default_role="block", permitted_uses=("report",))
    envelope = looked_up("DE", seen, held, whole, never)
    assert {match.list: (match.role, match.labels) for match in matches(envelope)} == {
        "seen": ("observe", ()),
        "acts": ("block", (NO_REPORT,)),
        "whole": ("block", ()),
    }
    assert envelope.degraded == ["list_withheld:never"]
