"""Flags and permitted uses in decisions: never a report by them, never a weaker exact match."""

from datetime import UTC, datetime

import pytest

from matchers.lists.entry import FLAGGED, NO_REPORT
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent
from streams.contracts.signal import HashMatch
from streams.contracts.values import Algorithm, Role
from streams.policy.load import load_policy
from streams.stages.enforcement import Enforcement


def decided(algorithm: Algorithm, role: Role, *labels: str) -> Decision:
    signal = HashMatch(
        media_id="m",
        list="l",
        entry="e",
        algorithm=algorithm,
        distance=0,
        radius=31,
        role=role,
        category="A1",
        source_kind="hotline",
        verified=True,
        hash_origin="server",
        quality=100,
        labels=labels,
    )
    event = ContentEvent(
        event_id="e",
        tenant="t",
        kind="created",
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        content_id="c",
        surface="post",
        author=Author(id="a"),
    )
    envelope = Envelope(event=event, received_at=0, signals=[signal])
    return Enforcement(load_policy(None)).run([envelope], {}).decisions[0]


@pytest.mark.parametrize("labels", [(), (FLAGGED,)])
def test_an_exact_match_blocks_and_reports_whatever_its_labels(labels: tuple[str, ...]) -> None:
    decision = decided("sha256", "block", *labels)
    assert (decision.action, decision.report) == ("block", True)


def test_a_list_that_does_not_permit_reports_gives_none() -> None:
    decision = decided("sha256", "block", NO_REPORT)
    assert (decision.action, decision.report) == ("block", False)


def test_a_flagged_perceptual_match_is_held() -> None:
    assert decided("pdq", "block").action == "block"
    decision = decided("pdq", "hold", FLAGGED)
    assert (decision.action, decision.report) == ("hold", False)
