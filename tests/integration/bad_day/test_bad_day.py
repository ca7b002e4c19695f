"""A bad day, with everything real: each mishap is seen in metrics, decisions and the audit log,
nothing is lost or made visible, and everybody else is served meanwhile."""

import base64
import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from streams.audit.log import AuditLog
from tests.integration.bad_day.day import (
    FLAT_PDQ,
    KNOWN_MD5,
    NEAR_COPIES,
    Day,
    a_day,
    actions,
    of_kind,
    policy_text,
)


@pytest.fixture(scope="module")
def day(broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder, prefix = tmp_path_factory.mktemp("day"), f"t{uuid.uuid4().hex[:12]}."
    with a_day(folder, broker.bootstrap, prefix) as begun:
        yield begun


def served(day: Day, decisions: list[dict]) -> None:
    """Whatever went on: what ordinary people sent was allowed, and nothing waits."""
    ordinary = of_kind(decisions, "ordinary")
    assert ordinary
    assert actions(ordinary) == {"allow": len(ordinary)}
    assert all(not each.get("report") for each in ordinary)
    assert day.worker.get("/ready")[0] == 200
    assert day.metric("seawall_dependency_waiting") == 0
    day.until(lambda: day.metric("seawall_consumer_lag_records") == 0, "end of the backlog")


def in_use(day: Day) -> str:
    """The policy that the worker says it has."""
    return json.loads(day.worker.get("/status")[1])["policy"]


def audited(path: Path, kind: str) -> list[dict]:
    with AuditLog(path) as log:
        return [json.loads(row.what) for row in log.entries() if row.kind == kind]


def test_a_flood_of_one_known_hash_is_blocked_to_the_last(day: Day) -> None:
    flood = [day.picture("known", f"flooder-{n % 300}", md5=KNOWN_MD5) for n in range(1_000)]
    made = day.decided(day.amid(flood))
    known = of_kind(made, "known")
    assert actions(known) == {"block": 1_000}
    paused = [each for each in known if "reports_paused" in each.get("degraded", ())]
    reported = [each for each in known if each.get("report")]
    assert paused
    assert reported
    assert len(paused) + len(reported) == 1_000
    assert all("limited:known-material" in each["degraded"] for each in paused)
    assert all(each["case_id"] for each in known), "what waits is found by the people of cases"
    day.until_counted(len(paused), "seawall_reports_paused_total")
    day.until_counted(len(paused), "seawall_policy_limited_total", rule="known-material")
    day.until_counted(1_000, "seawall_decisions_total", action="block")
    served(day, made)


def test_a_flood_of_a_blank_picture_holds_nobody(day: Day) -> None:
    """Somebody lists the hash of a blank picture, too: it waits for a person."""
    day.list_entry("industry", "blank", "pdq", FLAT_PDQ)
    day.until(
        lambda: day.librarian_metric("seawall_librarian_entries_held", list="industry") == 1,
        "entry held",
    )
    waiting = day.seawall("lists", "waiting", "--json")
    assert "blank" in waiting.stdout
    assert "flat picture" in waiting.stdout
    written = io.BytesIO()
    Image.new("RGB", (320, 240), "white").save(written, "PNG")
    inline = base64.b64encode(written.getvalue()).decode()
    item = {"media_id": "m", "media_type": "image/png", "inline": inline}
    flood = [
        *(day.event("blank", f"blank-{n}", media=[item]) for n in range(60)),
        *(day.picture("blank", f"blank-{n}", pdq=FLAT_PDQ, quality=0) for n in range(500)),
    ]
    made = day.decided(day.amid(flood))
    blank = of_kind(made, "blank")
    assert actions(blank) == {"allow": 560}
    assert all("pdq_quality" in each["degraded"] for each in blank), "decisions say what was odd"
    assert all("signals" not in each for each in blank)
    served(day, made)


def test_a_wrong_entry_that_matches_much_is_flagged_and_then_only_holds(day: Day) -> None:
    before = day.metric("seawall_list_entries", list="industry", algorithm="pdq")
    day.list_entry("industry", "wrong", "pdq", day.wrong_pdq)
    day.until(
        lambda: day.metric("seawall_list_entries", list="industry", algorithm="pdq") > before,
        "entry in the worker",
    )

    def matching(person: str) -> dict:
        return day.picture("wrong", person, pdq=day.near(day.wrong_pdq, 6))

    crowd = [matching(f"crowd-{n}") for n in range(240)]
    others = iter([day.picture("ordinary", f"p-{n}", pdq=day.pdq()) for n in range(240 * 49)])
    made = day.decided(
        event for one in crowd for event in (one, *(next(others) for _ in range(49)))
    )
    assert set(actions(of_kind(made, "wrong"))) <= {"block", "hold"}
    served(day, made)
    day.until_counted(1, "seawall_list_suspected_entries_total", list="industry")
    day.until(
        lambda: day.librarian_metric("seawall_list_flagged_entries", list="industry") == 1,
        "flag",
    )

    def flagged() -> bool:
        [probe] = day.decided([matching("crowd-1")])
        assert probe["action"] in ("block", "hold")
        return "flagged" in probe["signals"][0].get("labels", ())

    day.until(flagged, "flag in the worker")
    after = day.decided(day.amid([matching(f"crowd-{n}") for n in range(50)]))
    held = of_kind(after, "wrong")
    assert actions(held) == {"hold": 50}
    assert not any(each.get("report") for each in held)
    served(day, after)
    day.until(
        lambda: any(row["kind"] == "flag" for row in audited(day.audit_file, "list")),
        "flag in the audit log",
    )
    [row] = [row for row in audited(day.audit_file, "list") if row["kind"] == "flag"]
    assert row["list"] == "industry"
    # A person looks, and takes it out.
    assert day.seawall("lists", "remove", "industry", "wrong").returncode == 0

    def gone() -> bool:
        [probe] = day.decided([day.picture("cleared", "crowd-1", pdq=day.wrong_pdq)])
        return probe["action"] == "allow"

    day.until(gone, "removal in the worker")


def test_a_policy_with_an_error_is_refused_and_the_running_one_stays(day: Day) -> None:
    [first] = day.decided([day.ordinary()])
    wrong = day.folder / "wrong.toml"
    rule = '[[rules]]\nid = "r"\nowner = "o"\nground = "g"\non = "hash_match"\naction = "explode"\n'
    wrong.write_text(policy_text("wrong", day.last_day, rule))
    refused = day.seawall("policy", "apply", str(wrong))
    assert refused.returncode == 1
    assert "explode" in refused.stderr
    assert "wrong.toml:" in refused.stderr
    # And past the command, straight on the topic.
    message = {"type": "policy_changed", "text": wrong.read_text()}
    before = day.metric("seawall_policy_changes_total", result="refused")
    day.on_control(b"policy", json.dumps(message).encode())
    day.until(
        lambda: day.metric("seawall_policy_changes_total", result="refused") > before, "refusal"
    )
    made = day.decided(
        day.amid([day.picture("known", f"flooder-{n}", md5=KNOWN_MD5) for n in range(20)])
    )
    assert actions(of_kind(made, "known")) == {"block": 20}
    assert {each["policy_version"] for each in made} == {first["policy_version"]}
    assert json.loads(day.worker.get("/status")[1])["policy_refused"]
    served(day, made)
    row = audited(day.audit_file, "policy")[-1]
    assert row["change"] == "refused"
    assert "explode" in row["why"]


def test_past_a_limit_near_copies_hold_and_exact_matches_are_blocked(day: Day) -> None:
    before = day.metric("seawall_policy_limited_total", rule="near-copy")
    near = [
        day.picture("near", f"copier-{n % 10}", pdq=day.near(day.known_pdq, 4)) for n in range(400)
    ]
    exact = [day.picture("known", f"copier-{n % 10}", md5=KNOWN_MD5) for n in range(400)]
    made = day.decided(day.amid(event for pair in zip(near, exact, strict=True) for event in pair))
    copies = of_kind(made, "near")
    found = actions(copies)
    assert set(found) == {"block", "hold"}
    assert found["block"] <= NEAR_COPIES
    held = [each for each in copies if each["action"] == "hold"]
    assert all("limited:near-copy" in each["degraded"] for each in held)
    assert all(each["case_id"] for each in held)
    assert actions(of_kind(made, "known")) == {"block": 400}
    limited = before + len(held)
    day.until_counted(limited, "seawall_policy_limited_total", rule="near-copy")
    assert day.metric("seawall_policy_limited_total", rule="near-copy") == limited
    assert any("reports_paused" in each.get("degraded", ()) for each in of_kind(made, "known"))
    served(day, made)


def test_a_lapsed_scan_basis_withholds_and_says_so(day: Day) -> None:
    def sent(kind: str) -> list[dict]:
        pictures = [day.picture(kind, f"sailor-{n}", md5=KNOWN_MD5) for n in range(20)]
        return [{**event, "tenant": "harbour"} for event in pictures]

    before = day.decided(sent("known"))
    assert actions(before) == {"block": 20}
    # It is told before it lapses, to those who alert and to those who ask.
    midnight = datetime.combine(day.last_day + timedelta(days=1), datetime.min.time(), UTC)
    assert day.metric("seawall_scan_basis_next_lapse_timestamp_seconds") == midnight.timestamp()
    told = day.seawall("policy", "check", str(day.policy_file))
    assert told.returncode == 0, told.stderr
    assert "harbour" in told.stdout
    withheld = day.metric("seawall_scans_withheld_total", scan="hash")
    lapsed_file = day.folder / "lapsed.toml"
    lapsed_file.write_text(policy_text("lapsed", day.last_day - timedelta(days=2)))
    applied = day.seawall("policy", "apply", str(lapsed_file))
    assert applied.returncode == 0, applied.stderr
    assert "row harbour/*/*: lapsed on " in applied.stderr
    day.until(lambda: in_use(day).startswith("lapsed+"), "policy")
    # Whoever alerts on it goes on being told.
    ended = (midnight - timedelta(days=2)).timestamp()
    assert day.metric("seawall_scan_basis_next_lapse_timestamp_seconds") == ended
    made = day.decided(day.amid(sent("lapsed")))
    lapsed = of_kind(made, "lapsed")
    assert len(lapsed) == 20
    assert all("hash" in each["scans_withheld"] for each in lapsed), "nothing is scanned unlawfully"
    assert not any("scans_performed" in each or "signals" in each for each in lapsed)
    assert all(each["policy_version"].startswith("lapsed+") for each in lapsed)
    day.until_counted(withheld + 20, "seawall_scans_withheld_total", scan="hash")
    assert audited(day.audit_file, "policy")[-1]["change"] == "applied"
    served(day, made)


def test_an_audit_log_altered_by_one_byte_is_found_by_row(day: Day) -> None:
    day.seawall("policy", "apply", str(day.policy_file))
    held = day.seawall("audit", "verify")
    assert held.returncode == 0, held.stdout
    with AuditLog(day.audit_file) as log:
        rows = list(log.entries())
    row = rows[len(rows) // 2]
    content = day.audit_file.read_bytes()
    assert content.count(row.hash.encode()) == 2, "its own, and in the row after it"
    at = content.index(row.what.encode(), content.index(row.at.encode()))
    with day.audit_file.open("r+b") as file:
        file.seek(at + 2)
        file.write(b"#")
    found = day.seawall("audit", "verify")
    assert found.returncode == 1
    assert found.stdout.startswith(f"row {row.seq}:"), found.stdout
    made = day.decided(
        day.amid([day.picture("known", f"flooder-{n}", md5=KNOWN_MD5) for n in range(20)])
    )
    assert actions(of_kind(made, "known")) == {"block": 20}, "who decides goes on"
    served(day, made)


def test_in_the_end_nothing_was_lost_and_nothing_made_visible(day: Day) -> None:
    day.send_garbage(30)
    day.decided([day.ordinary() for _ in range(50)])
    day.until(lambda: len(day.letters) >= day.garbage, "dead letters")
    assert day.worker.end(seconds=120) == 0, day.worker.log
    for _ in range(10):  # whatever would be one too many
        day.read(200)
    assert set(day.decisions) == set(day.sent)
    assert len(set(day.sent)) == len(day.sent)
    assert {id: len(made) for id, made in day.decisions.items() if len(made) != 1} == {}
    assert len(day.letters) == day.garbage
    for made in day.decisions.values():
        kind = made[0]["event_id"].rpartition("-")[0]
        if kind in ("known", "near", "wrong"):
            assert made[0]["action"] in ("block", "hold"), made[0]["event_id"]
