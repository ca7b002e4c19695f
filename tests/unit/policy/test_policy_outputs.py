"""What of a policy's work is written and counted: `write_allow`, and limits as metrics."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from streams.boundary import Topics, decision_output, outcome_counter
from streams.contracts.envelope import Envelope
from streams.contracts.stage import StateValue
from streams.engine.chain import Outcome
from streams.lines import Line
from streams.metrics import Metrics
from streams.policy.limits import Limit
from streams.policy.load import default_policy
from streams.policy.policy import Policy
from streams.stages.enforcement import Enforcement
from tests.unit.policy.signals import digest, event, perceptual, risk

DEFAULT = default_policy()
RECEIVED = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)


def decided(*envelopes: Envelope, policy: Policy = DEFAULT) -> Outcome:
    stage = Enforcement(policy)
    state = {key: StateValue(None) for key in stage.keys(envelopes)}
    result = stage.run(list(envelopes), state)
    records = [Line(number, b"") for number in range(len(envelopes))]
    places = list(range(len(envelopes)))
    return Outcome(records, places, list(result.batch), list(result.decisions))


def envelope(*signals, **changes) -> Envelope:
    return Envelope(event=event(), received_at=RECEIVED, signals=list(signals), **changes)


@pytest.mark.parametrize("write_allow", [True, False])
def test_only_events_in_which_nothing_was_found_are_left_out(write_allow):
    outcome = decided(
        envelope(),
        envelope(digest()),
        envelope(risk("note")),
        envelope(digest(role="observe")),
        envelope(degraded=["pdq_quality"]),
        envelope(risk("review", ("self_harm",), pattern="self_harm")),
        envelope(),
    )
    encode = decision_output(Topics("decisions", "urgent", "cases"), lambda: 0.0, write_allow)
    outputs = encode(outcome)
    written = [place for topic, _, _, _, place in outputs if topic == "decisions"]
    assert written == ([0, 1, 2, 3, 4, 5, 6] if write_allow else [1, 2, 3, 4, 5])
    assert [place for topic, _, _, _, place in outputs if topic == "urgent"] == [5]
    assert len(outcome.decisions) == 7


def test_limits_that_trip_are_counted_by_rule():
    policy = Policy("1", DEFAULT.scan_basis, DEFAULT.rules, DEFAULT.closeness, [Limit(per_day=1)])
    metrics = Metrics()
    count = outcome_counter(metrics, ["enforcement"])
    add = count(decided(*[envelope(digest())] * 3, *[envelope(perceptual())] * 2, policy=policy))
    value = metrics.registry.get_sample_value
    assert value("seawall_decisions_total", {"action": "block", "priority": "4"}) is None
    add()
    assert value("seawall_policy_limited_total", {"rule": "known-material"}) == 2
    assert value("seawall_policy_limited_total", {"rule": "near-copy"}) == 1
    assert value("seawall_reports_paused_total") == 2
    assert value("seawall_decisions_total", {"action": "block", "priority": "4"}) == 4
    assert value("seawall_decisions_total", {"action": "hold", "priority": "4"}) == 1


def test_languages_are_counted_under_names_that_nobody_outside_can_add_to():
    metrics = Metrics()
    found = risk("review", ("self_harm",), pattern="self_harm")
    envelopes = [envelope(found), envelope(), envelope(), envelope(), envelope()]
    for one, language in zip(envelopes, ("de-AT", "EN", None, "tlh", "x" * 35), strict=True):
        one.event = structs.replace(one.event, language=language)
    outcome_counter(metrics, ["text-risk", "enforcement"])(decided(*envelopes))()
    value = metrics.registry.get_sample_value
    assert {
        language: value("seawall_event_languages_total", {"language": language})
        for language in ("de", "en", "unknown", "other")
    } == {"de": 1, "en": 1, "unknown": 1, "other": 2}
    labels = {"category": "self_harm", "language": "de"}
    assert value("seawall_text_risk_categories_total", labels) == 1
