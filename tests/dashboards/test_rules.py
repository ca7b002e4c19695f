"""Rules as they are committed: current, of metrics that exist, and each tested both ways."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import promql_parser as promql
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dashboards.__main__ import BOARD_RUNBOOKS, FOLDER, RULES, generated
from dashboards.rules.model import STEPS, Scale
from dashboards.rules.recording import recordings
from dashboards.rules.render import all_alerts, rules_file
from streams.cli.main import main
from tests.dashboards.programs import found_or_skipped
from tests.dashboards.vocabulary import known, labels_of

SECTIONS = ["What it means for users", "How to see", "What to do", "When to wake whom"]
PAGES = FOLDER / "runbooks"
ALERTS = {alert.name: alert for alert in all_alerts(Scale())}


def test_generated_files_are_current() -> None:
    for path, text in generated().items():
        assert (FOLDER / path).read_text("utf-8") == text, f"{path}: run `make dashboards`"


def test_nothing_generated_is_left_over() -> None:
    there = {*FOLDER.glob("*.yaml"), *(FOLDER / "grafana").iterdir()}
    assert there <= {FOLDER / path for path in generated()}


def test_names_are_unique_and_every_alert_can_be_tested() -> None:
    assert len(ALERTS) == len(all_alerts(Scale()))
    for alert in ALERTS.values():
        assert alert.name.startswith("Seawall")
        assert not alert.summary.endswith(".")
        assert alert.description.endswith(".")


@pytest.mark.parametrize("scale", [Scale(), Scale(1 / 30)], ids=["production", "drill"])
def test_every_expression_names_what_the_code_exports(scale: Scale) -> None:
    names = known()
    for rule in recordings(scale):
        labels_of(promql.parse(rule.expr), names)
        assert re.fullmatch(r"[a-z_]+:seawall_[a-z_]+:[a-z0-9_]+", rule.record), rule.record
    for alert in all_alerts(scale):
        labels = labels_of(promql.parse(alert.expr), names)
        told = set(re.findall(r"\$labels\.(\w+)", alert.description))
        assert told <= labels, (alert.name, told - labels)


@given(st.floats(1 / 1000, 1, exclude_max=True))
def test_a_scaled_window_holds_a_rate_at_a_scrape_a_second(factor: float) -> None:
    scale = Scale(factor)
    for text in ("5m", "1h", "3d"):
        milliseconds = promql.parse_duration(scale.span(text)).total_seconds() * 1000
        assert milliseconds >= 4000


@pytest.mark.parametrize("name", sorted(ALERTS))
def test_every_alert_has_a_runbook(name: str) -> None:
    text = (PAGES / f"{name}.md").read_text("utf-8")
    assert text.startswith(f"# {name}\n")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    assert parts[0::2] == SECTIONS
    assert all(len(part.split()) >= 3 for part in parts[1::2])
    for page in re.findall(r"\]\(([\w/.-]+\.md)\)", text):
        assert (PAGES / page).is_file(), page
    wakes = parts[-1].strip().startswith("Wake")
    assert wakes == (ALERTS[name].severity == "page"), "severity and page disagree"


def test_no_runbook_is_orphaned() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*ALERTS, "README"}


def test_commands_in_runbooks_exist(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # where help is not cut
    written = {
        words
        for path in PAGES.glob("*.md")
        for words in re.findall(r"`seawall ([^`]+)`", path.read_text("utf-8"))
    }
    assert len(written) > 30
    options: dict[tuple[str, ...], set[str]] = {}
    for words in written:
        name = re.match(r"[a-z]+( [a-z]+\b(?![./]))?", words)
        assert name is not None, words
        options.setdefault(tuple(name[0].split()), set()).update(re.findall(r"--[a-z-]+", words))
    for command, used in sorted(options.items()):
        with pytest.raises(SystemExit) as ended:
            main([*command, "--help"])
        assert ended.value.code == 0, command
        assert used <= set(re.findall(r"--[a-z-]+", capsys.readouterr().out)), command


def test_where_runbooks_are_can_be_told() -> None:
    elsewhere = "https://runbooks.example/seawall"
    files = generated(elsewhere)
    rules = yaml.safe_load(files[Path(RULES)])
    urls = {
        rule["annotations"]["runbook_url"]
        for group in rules["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    assert urls == {f"{elsewhere}/{name}.md" for name in ALERTS}
    board = files[Path("grafana/seawall-overview.json")]
    assert elsewhere in board
    assert BOARD_RUNBOOKS not in board


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    promtool = found_or_skipped("promtool")
    drill = tmp_path / "drill.yaml"
    drill.write_text(rules_file(Scale(1 / 30)))
    for path in (FOLDER / RULES, drill):
        subprocess.run([promtool, "check", "rules", "--lint=all", path], check=True)


@pytest.mark.parametrize("step", STEPS)
def test_every_alert_fires_when_it_should_and_is_silent_when_not(step: str) -> None:
    promtool = found_or_skipped("promtool")
    subprocess.run(
        [promtool, "test", "rules", FOLDER / f"seawall.rules.test-{step}.yaml"], check=True
    )


def test_every_alert_is_among_the_cases() -> None:
    tested: dict[str, set[float]] = {}
    for step in STEPS:
        cases = yaml.safe_load((FOLDER / f"seawall.rules.test-{step}.yaml").read_text())["tests"]
        for case in cases:
            (asked,) = case["promql_expr_test"]
            name = re.search(r'alertname="(\w+)"', asked["expr"])
            assert name is not None
            tested.setdefault(name[1], set()).add(asked["exp_samples"][0]["value"])
    assert tested == {name: {0, 1} for name in ALERTS}


def test_the_command_says_what_is_not_current(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dashboards", "--out", str(tmp_path)]
    subprocess.run(command, check=True)
    check = [*command, "--check"]
    assert subprocess.run(check, check=False).returncode == 0
    (tmp_path / RULES).write_text("groups: []\n")
    shutil.rmtree(tmp_path / "grafana")
    answer = subprocess.run(check, check=False, capture_output=True, text=True)
    assert answer.returncode == 1
    assert len(answer.stdout.splitlines()) == 6
