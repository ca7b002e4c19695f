"""The canary's probes against the stages, the default policy and the canary's own list."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from streams.app import build_chain
from streams.canary.metrics import CanaryMetrics
from streams.canary.probes import LIST, TENANT, Probe, fault, list_csv, probes
from streams.canary.rounds import Answer
from streams.contracts.decision import Decision
from streams.engine.chain import Chain
from streams.engine.chunk import ChunkWork
from streams.metrics import Metrics
from streams.parts import build_parts
from streams.settings import load_settings

NOW = datetime(2026, 11, 26, tzinfo=UTC)


class _Line(msgspec.Struct):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def test_every_probe_is_found_and_stopped_without_a_report(tmp_path: Path) -> None:
    decisions = _decide(_chain(tmp_path, scans='["hash", "url", "text"]'))
    for probe in probes("1", NOW):
        decision = decisions[probe.name]
        assert decision.decision_id == probe.decision_id
        assert fault(probe, decision) is None
        assert not decision.report


def test_a_probe_that_may_not_be_scanned_says_so(tmp_path: Path) -> None:
    decisions = _decide(_chain(tmp_path, scans='["hash"]'))
    faults = {probe.name: fault(probe, decisions[probe.name]) for probe in probes("1", NOW)}
    assert faults["hash"] is None
    assert "withheld: url, text" in str(faults["url"])
    assert "withheld" in str(faults["text"])


def test_a_probe_that_no_list_holds_says_where_the_list_comes_from(tmp_path: Path) -> None:
    decisions = _decide(_chain(tmp_path, scans='["hash", "url", "text"]', listed=False))
    faults = {probe.name: fault(probe, decisions[probe.name]) for probe in probes("1", NOW)}
    assert faults["text"] is None
    for name in ("hash", "url"):
        assert f"the {name} probe was not found; have the workers the list {LIST}?" in str(
            faults[name]
        )
        assert "seawall canary list --help" in str(faults[name])


def test_a_probe_that_is_found_and_allowed_is_wrong(tmp_path: Path) -> None:
    decisions = _decide(_chain(tmp_path, scans='["hash", "url", "text"]'))
    for probe in probes("1", NOW):
        allowed = replace(decisions[probe.name], action="allow")
        assert "allowed by policy" in str(fault(probe, allowed))


def test_metrics_have_every_series_before_the_first_round() -> None:
    metrics = CanaryMetrics()
    value = metrics.registry.get_sample_value
    for probe in ("hash", "url", "text"):
        for result in ("found", "wrong", "missing"):
            labels = {"probe": probe, "result": result}
            assert value("seawall_canary_answers_total", labels) == 0
    before = value("seawall_canary_last_found_timestamp_seconds", {"probe": "url"})
    metrics.count([Answer("hash", 0.2, None), Answer("url", 0.3, "not found")])
    assert value("seawall_canary_answers_total", {"probe": "hash", "result": "found"}) == 1
    assert value("seawall_canary_answers_total", {"probe": "url", "result": "wrong"}) == 1
    assert value("seawall_canary_last_found_timestamp_seconds", {"probe": "url"}) == before


def _chain(folder: Path, scans: str, listed: bool = True) -> Chain:
    header, _, entries = list_csv().partition("\n")
    (folder / "canary.csv").write_text(f"{header}\n{entries if listed else ''}")
    (folder / "lists.toml").write_text(
        f'[[list]]\nname = "{LIST}"\nfile = "canary.csv"\nsource_kind = "own"\n'
        'roles = { canary = "block" }\n'
    )
    (folder / "policy.toml").write_text(
        f'version = "1"\n[[scan_basis]]\ntenant = "{TENANT}"\nsurface = "*"\njurisdiction = "*"\n'
        f"scans = {scans}\n"
    )
    environment: Mapping[str, str] = {
        "SEAWALL_LISTS_FILES": str(folder / "lists.toml"),
        "SEAWALL_POLICY_FILE": str(folder / "policy.toml"),
        "SEAWALL_WORKER_STAGES": "hash-matching,text-risk,enforcement",
    }
    settings = load_settings(None, {}, environment).settings
    metrics = Metrics()
    parts = build_parts(settings, metrics)
    assert parts.lists is not None
    parts.lists.load()
    return build_chain(settings, parts, metrics)


def _decide(chain: Chain) -> dict[str, Decision]:
    sent: list[Probe] = probes("1", NOW)
    encode = msgspec.json.Encoder().encode
    at = int(NOW.timestamp() * 1000)
    lines = [
        _Line(n, at, None, encode({"event": p.event, "received_at": at}))
        for n, p in enumerate(sent)
    ]
    work = ChunkWork(chain, lines, {}, 1_000_000)
    while work.advance({}) is not None:
        pass
    outcome, _ = work.result()
    assert not outcome.rejected
    return {probe.name: d for probe, d in zip(sent, outcome.decisions, strict=True)}
