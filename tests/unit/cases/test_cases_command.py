"""`seawall cases`, `audit` and `feedback`, as a platform's people use them."""

import json
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from lxml import etree
from typer.testing import CliRunner

from streams.audit.log import AuditLog
from streams.cases.store import CaseStore
from streams.cli.main import build
from tests.unit.cases.occurrences import (
    AT,
    event,
    match,
    near,
    opening,
    outcome,
    picture,
    risk,
    viewing,
)
from tests.unit.cases.schema import validator

REPORTER = """
platform = "Example Chat"
esp_service = "Example Chat"
[reporting_person]
first_name = "Trust"
last_name = "Desk"
email = ["desk@platform.example"]
"""


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "seawall.toml"
        (folder / "reporter.toml").write_text(REPORTER)
        self.config.write_text(
            f'[cases]\nstore = "{folder}/cases.db"\nreporter = "{folder}/reporter.toml"\n'
            f'[audit]\nfile = "{folder}/audit.db"\n'
        )

    def store(self) -> CaseStore:
        return CaseStore.open(self.folder / "cases.db")

    def run(self, *arguments: str):
        return CliRunner().invoke(
            build(arguments[0]), [*arguments, "--config", str(self.config)], prog_name="seawall"
        )

    def audited(self) -> list[tuple[str, dict]]:
        with AuditLog(self.folder / "audit.db") as log:
            return [(row.kind, msgspec.json.decode(row.what)) for row in log.entries()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    with made.store() as store:
        store.open_case(opening())
        store.open_case(opening(event("e2", author="a2")))
        store.open_case(opening(event("e3"), risk(), priority=0))
    return made


CASE = opening().case_id


def test_the_most_urgent_case_is_listed_first(desk: Desk) -> None:
    found = json.loads(desk.run("cases", "list", "--json").stdout)
    assert [(row["priority"], row["repeats"]) for row in found] == [(0, 0), (4, 1)]
    assert desk.run("cases", "list").exit_code == 0
    assert json.loads(desk.run("cases", "list", "--status", "submitted", "--json").stdout) == []
    assert desk.run("cases", "list", "--status", "lost").exit_code == 2


def test_the_list_says_how_many_cases_there_are(desk: Desk) -> None:
    assert desk.run("cases", "list").stdout.splitlines()[-1] == "2 cases"
    cut = desk.run("cases", "list", "--limit", "1").stdout
    assert cut.splitlines()[-1] == "1 of 2 cases; --limit shows more"
    assert desk.run("cases", "list", "--status", "closed").stdout == "0 cases\n"
    with desk.store() as store:
        store.delete_case(CASE)
    assert desk.run("cases", "list").stdout.splitlines()[-1] == "1 case"


def test_a_file_that_the_case_does_not_have_is_not_recorded(desk: Desk) -> None:
    told = desk.run("cases", "submitted", CASE, "--report-id", "1", "--file", "nofile=abc")
    assert told.exit_code == 1
    assert f"--file nofile: case {CASE} has no such file; its files: m1\n" in told.stderr
    with desk.store() as store:
        assert store.state(CASE).submission is None
        bare = opening(event("e9", media=[], conversation_id="k9"), risk())
        store.open_case(bare)
    told = desk.run("cases", "submitted", bare.case_id, "--report-id", "1", "--file", "m1=a")
    assert (told.exit_code, "it has none" in told.stderr) == (1, True)
    assert desk.audited() == []


def test_a_hotlines_id_is_of_one_file_where_two_share_their_media_id(desk: Desk) -> None:
    """Media ids are unique within an event only."""
    told = [
        opening(
            event(f"e{n}", media=[picture(sha256=f"{n}" * 64)], conversation_id="k7"),
            match(),
            risk(),
        )
        for n in (7, 8)
    ]
    with desk.store() as store:
        for each in told:
            store.open_case(each)
    case, second = (each.case_id for each in told)
    submit = ("cases", "submitted", case, "--report-id", "1", "--file")
    unclear = desk.run(*submit, "m1=AAAA")
    assert unclear.exit_code == 2
    assert f"several files of case {case} are called so: {case}/m1, {second}/m1" in unclear.stderr
    assert desk.run(*submit, f"{second}/m1=BBBB").exit_code == 0
    assert desk.run(*submit, f"{case}/m1=AAAA").exit_code == 0
    twice = desk.run(*submit, f"{case}/m1=CCCC", "--file", f"{case}/m1=DDDD")
    assert twice.exit_code == 0, "the last word about one name"
    assert desk.run(*submit, f"{case}/m1=AAAA").exit_code == 0
    out = desk.folder / "out"
    desk.run("cases", "export", case, "--format", "xml", "--out", str(out))
    ids = [etree.parse(out / f"file-{n}.xml").findtext(".//{*}fileId") for n in (1, 2)]
    hashes = [etree.parse(out / f"file-{n}.xml").findtext(".//{*}originalFileHash") for n in (1, 2)]
    assert list(zip(ids, hashes, strict=True)) == [("AAAA", "7" * 64), ("BBBB", "8" * 64)]


def test_an_audit_log_without_a_row_does_not_hold(desk: Desk) -> None:
    AuditLog(desk.folder / "audit.db").close()
    done = desk.run("audit", "verify")
    assert (done.exit_code, done.stdout.startswith("0 rows: nothing was noted yet")) == (1, True)


def test_a_case_is_shown_in_full(desk: Desk) -> None:
    shown = json.loads(desk.run("cases", "show", CASE).stdout)
    assert shown["document"]["missing"] == ["fileDetails[m1].reportId", "fileDetails[m1].fileId"]
    assert shown["document"]["files"][0]["matches"][0]["kind"] == "exact"
    assert desk.run("cases", "show", "nothing").exit_code == 1


def test_the_list_says_what_opened_a_case(desk: Desk) -> None:
    found = json.loads(desk.run("cases", "list", "--json").stdout)
    assert [row["content_id"] for row in found] == ["c-e3", "c-e1"]
    ground = "Identical to listed material."
    assert found[1]["reasons"] == [{"rule": "known-material", "ground": ground}]
    shown = desk.run("cases", "list").stdout
    for words in (CASE, f"known-material: {ground}", "content c-e1", "repeats: 1", "priority 0"):
        assert words in shown


def test_a_case_says_what_is_in_it_and_who_closed_it(desk: Desk) -> None:
    one, repeat = opening(), opening(event("e2", author="a2"))
    open_ = json.loads(desk.run("cases", "show", CASE).stdout)
    assert [each["content_id"] for each in open_["contents"]] == ["c-e1", "c-e2"]
    assert open_["contents"][0]["reasons"][0]["rule"] == "known-material"
    assert (open_["outcomes"], open_["closed_by"]) == ([], None)
    later = AT + timedelta(hours=1)
    found = [
        outcome(repeat, "rejected"),
        outcome(one, "unsure"),
        outcome(one, "appeal_granted", reviewed_at=later, reviewer_role="appeals", **viewing()),
        outcome(one, "appeal_denied", reviewed_at=later + timedelta(hours=1)),
    ]
    with desk.store() as store, store.writing():
        for each in found:
            store.reviews.add_outcome(each)
        store.settle(one.decision.decision_id, closed=True, reversed=True, seen=later)
    shown = json.loads(desk.run("cases", "show", repeat.case_id).stdout)
    assert [each["outcome"] for each in shown["outcomes"]] == [each.outcome for each in found]
    assert shown["closed_by"] == {
        "decision_id": one.decision.decision_id,
        "target": {"kind": "media", "id": "m1"},
        "outcome": "appeal_granted",
        "reviewed_at": "2026-03-01T13:00:00Z",
        "reviewer_role": "appeals",
    }
    assert "reviewer-1" not in json.dumps(shown["outcomes"])


def test_from_export_to_submission_and_the_files(desk: Desk) -> None:
    out = desk.folder / "out"
    first = desk.run("cases", "export", CASE, "--format", "xml", "--out", str(out))
    assert first.exit_code == 1  # the hotline has given no ids yet
    assert "missing: fileDetails[m1].reportId: the hotline gives it" in first.stderr
    assert [path.name for path in out.iterdir()] == ["report.xml"]
    told = desk.run(
        "cases", "submitted", CASE, "--report-id", "4711", "--file", "m1=f-1",
        "--at", "2026-04-01T00:00:00Z",
    )  # fmt: skip
    assert "preserved until 2027-04-01" in told.stdout
    again = desk.run("cases", "export", CASE, "--format", "xml", "--out", str(out))
    assert again.exit_code == 0
    schema = validator()
    for name in ("report.xml", "file-1.xml"):
        schema.assertValid(etree.parse(out / name))
    other = desk.run("cases", "submitted", CASE, "--report-id", "4712")
    assert other.exit_code == 1
    shown = json.loads(desk.run("cases", "show", CASE).stdout)
    assert len(shown["exports"]) == 2
    kinds = [kind for kind, _ in desk.audited()]
    assert kinds == ["export", "case", "export"]


def test_what_reviewers_closed_is_exported_only_when_that_is_said(desk: Desk) -> None:
    out = desk.folder / "out"
    with desk.store() as store, store.writing():
        for each in (opening(), opening(event("e2", author="a2"))):
            store.settle(each.decision.decision_id, closed=True, reversed=False)
    refused = desk.run("cases", "export", CASE, "--out", str(out))
    assert (refused.exit_code, out.exists(), desk.audited()) == (1, False, [])
    assert "reviewers found nothing to report" in refused.stderr
    desk.run("cases", "export", CASE, "--closed", "--out", str(out))
    assert (out / "case.json").exists()


def test_without_a_reporter_no_xml_is_written_and_what_is_missing_is_said(desk: Desk) -> None:
    desk.config.write_text(desk.config.read_text().replace("reporter =", "# reporter ="))
    out = desk.folder / "out"
    done = desk.run("cases", "export", CASE, "--format", "xml", "--out", str(out))
    assert done.exit_code == 1
    assert "missing: report.reporter.reportingPerson: name your reporter's file" in done.stderr
    assert "nothing is written" in done.stderr
    assert not out.exists()
    assert desk.audited() == []
    in_json = desk.run("cases", "export", CASE, "--out", str(out))
    assert in_json.exit_code == 1
    assert "reporter" not in json.loads((out / "case.json").read_text())["report"]


def test_nothing_leaves_or_is_held_without_an_audit_log(desk: Desk) -> None:
    desk.config.write_text(desk.config.read_text().replace("[audit]\nfile", "[audit]\n# file"))
    out = str(desk.folder / "out")
    for command in (
        ("export", CASE, "--out", out),
        ("hold", CASE, "--reason", "r"),
        ("submitted", CASE, "--report-id", "1"),
    ):
        done = desk.run("cases", *command)
        assert done.exit_code == 2
        assert "audit.file" in done.stderr
    with desk.store() as store:
        assert store.state(CASE).submission is None
        assert store.state(CASE).holds == ()


def test_a_hold_needs_a_reason_and_each_is_lifted_by_itself(desk: Desk) -> None:
    def hold(*arguments: str) -> tuple[int, str]:
        done = desk.run("cases", "hold", CASE, *arguments)
        return done.exit_code, done.output

    assert hold()[0] == 2
    assert hold("--reason", " ")[0] == 2
    assert hold("--release") == (1, f"error: case {CASE} is not on hold\n")
    assert hold("--reason", "request 17")[0] == 0
    code, told = hold("--reason", "request 17")
    assert (code, "is on hold for that already: 'request 17', since" in told) == (1, True)
    assert "holds that stand: 2" in hold("--reason", "request 18")[1]
    code, told = hold("--release")
    assert (code, "say which" in told) == (1, True)
    assert "holds that stand: 1" in hold("--release", "--reason", "request 17")[1]
    [row] = [r for r in json.loads(desk.run("cases", "list", "--json").stdout) if r["holds"]]
    assert [each["reason"] for each in row["holds"]] == ["request 18"]
    assert hold("--release")[0] == 0
    with desk.store() as store:
        assert store.state(CASE).holds == ()
    assert [(what["done"], what["reason"]) for _, what in desk.audited()] == [
        ("held", "request 17"),
        ("held", "request 18"),
        ("released", "request 17"),
        ("released", "request 18"),
    ]


def test_audit_verify_names_the_altered_row_and_a_head_that_is_gone(desk: Desk) -> None:
    desk.run("cases", "hold", CASE, "--reason", "request 17")
    desk.run("cases", "hold", CASE, "--release")
    sound = json.loads(desk.run("audit", "verify", "--json").stdout)
    assert sound["rows"] == 2
    assert desk.run("audit", "verify", "--head", sound["head"]).exit_code == 0
    assert desk.run("audit", "verify", "--head", "0" * 64).exit_code == 1
    path = desk.folder / "audit.db"
    path.write_bytes(path.read_bytes().replace(b"request 17", b"request 18"))
    broken = desk.run("audit", "verify")
    assert broken.exit_code == 1
    assert "row 1" in broken.stdout
    assert "request 18" in desk.run("audit", "show", "--kind", "case").stdout
    assert desk.run("audit", "show", "--kind", "gossip").exit_code == 2


def test_feedback_shows_precision_budget_and_proposals(desk: Desk) -> None:
    now = AT.now(AT.tzinfo)
    close = opening(event("e9"), near(), action="hold", report=False, decided_at=now, sampled=True)
    other = opening(event("e8"), match(), decided_at=now - timedelta(days=1))
    with desk.store() as store, store.writing():
        for one in (close, other):
            store.reviews.keep_decision(one.decision, None, None)
        store.reviews.add_outcome(
            outcome(close, "rejected", reviewed_at=now, sampled=True, **viewing())
        )
    found = json.loads(desk.run("feedback", "precision", "--json").stdout)
    assert {(row["kind"], row["sample"], row["share"]) for row in found} == {
        ("list", "control", 0.0),
        ("rule", "control", 0.0),
    }
    line = json.loads(desk.run("feedback", "budget", "--per-day", "0", "--json").stdout)
    assert [task["decision_id"] for task in line["below"]] == [other.decision.decision_id]
    assert "1 below the line" in desk.run("feedback", "budget", "--per-day", "0").stdout
    assert desk.run("feedback", "precision").exit_code == 0
    assert json.loads(desk.run("feedback", "proposals", "--json").stdout) == []


@pytest.mark.parametrize("command", [("cases", "list"), ("feedback", "budget"), ("audit", "show")])
def test_a_store_that_is_not_there_is_said(tmp_path: Path, command) -> None:
    empty = Desk(tmp_path)
    done = empty.run(*command)
    assert done.exit_code == 2
    assert "no such file" in done.stderr
