import json
import re

import msgspec
import pytest
from msgspec import structs
from typer.testing import CliRunner

from streams.cli.policy import app
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author
from streams.policy.load import default_policy
from streams.stages.enforcement import decide
from tests.unit.policy.signals import digest, event, perceptual

POLICY = """
version = "acme-1"
[[scan_basis]]
scans = ["hash", "url"]
[[scan_basis]]
jurisdiction = "DE"
scans = ["hash"]
valid_until = 2200-01-01
basis = "consent"
"""


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(POLICY)
    return path


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_check_accepts_and_tells_the_next_lapse(policy):
    result = invoke("check", policy)
    assert result.exit_code == 0
    assert "2200-01-02" in result.stdout
    found = json.loads(invoke("check", policy, "--json").stdout)
    assert found["ok"]
    assert found["scan_basis_rows"] == 2
    assert found["lapsing"] == "* * DE: hash"


def test_check_takes_the_last_day_of_the_calendar(policy):
    policy.write_text(POLICY.replace("2200-01-01", "9999-12-31"))
    result = invoke("check", policy)
    assert result.exit_code == 0
    assert "none of which lapses" in result.stdout


def test_check_reads_a_file_with_a_byte_order_mark(policy):
    version = json.loads(invoke("check", policy, "--json").stdout)["version"]
    policy.write_bytes(b"\xef\xbb\xbf" + policy.read_bytes())
    assert json.loads(invoke("check", policy, "--json").stdout)["version"] == version


def test_explain_reads_half_an_emoji(policy, tmp_path):
    path = tmp_path / "event.json"
    content = msgspec.json.encode(event(text="how old are you? @"))
    path.write_bytes(content.replace(b"@", rb"\ud83d"))
    assert invoke("explain", policy, path).exit_code == 0


LAPSED = """
[[scan_basis]]
tenant = "acme"
surface = "message"
scans = ["hash", "url"]
valid_until = 2026-04-03
"""
SAID = "row acme/message/*: lapsed on 2026-04-04, not scanned there since: hash, url"


def test_check_warns_of_rows_that_have_lapsed(policy):
    policy.write_text(POLICY + LAPSED)
    result = invoke("check", policy)
    assert result.exit_code == 0
    assert f"warning: {SAID}" in result.stdout.splitlines()
    found = json.loads(invoke("check", policy, "--json").stdout)
    assert (found["ok"], found["lapsed"], found["over"]) == (True, [SAID], False)
    assert found["lapsing"] == "* * DE: hash"
    policy.write_text(POLICY.replace("valid_until = 2200-01-01\n", "") + LAPSED)
    assert "scan basis: 3 rows, no other of which lapses" in invoke("check", policy).stdout
    policy.write_text(POLICY)
    assert json.loads(invoke("check", policy, "--json").stdout)["lapsed"] == []
    assert "warning" not in invoke("check", policy).stdout


def test_check_refuses_a_scan_basis_all_of_which_has_lapsed(policy):
    policy.write_text('version = "1"\n' + LAPSED)
    result = invoke("check", policy)
    assert result.exit_code == 1
    assert f"warning: {SAID}" in result.stdout.splitlines()
    assert "scan basis: 1 row, of which none holds any more, so nothing is scanned" in result.stdout
    result = invoke("check", policy, "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["ok"], found["over"]) == (1, False, True)
    policy.write_text('version = "1"\n')
    assert invoke("check", policy).exit_code == 0


def test_apply_warns_of_rows_that_have_lapsed(policy):
    policy.write_text('version = "1"\n' + LAPSED)
    # Nothing listens there: what is said comes before anything is asked of Kafka.
    result = invoke("apply", policy, "--bootstrap", "127.0.0.1:1")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"warning: {SAID}\n")


def test_check_says_what_no_rule_speaks_of(policy):
    def notes():
        lines = invoke("check", policy).stdout.splitlines()
        return [line for line in lines if line.startswith("note: ")]

    assert notes() == []
    policy.write_text(RULES)
    assert notes() == [
        "note: no rule speaks of url_match: listed addresses are allowed",
        "note: no rule speaks of user_report: what people report is allowed",
    ]
    policy.write_text(RULES + RULE.format("tried", "url_match") + 'mode = "trial"\n')
    assert notes()[0] == (
        "note: no rule speaks of url_match, but on trial: listed addresses are allowed"
    )
    policy.write_text(
        RULES
        + RULE.format("some", "url_match")
        + "mode = { share = 0.5 }\n"
        + RULE.format("reported", "user_report")
    )
    assert notes() == []
    policy.write_text(RULES.replace('"url"', '"text"'))
    assert [note.split()[5] for note in notes()] == ["text_match:", "text_risk:", "user_report:"]
    policy.write_text('version = "1"\n' + RULE.format("one", "url_match"))
    assert [note.split()[5] for note in notes()] == ["user_report:"]


def test_check_refuses_with_the_line(policy):
    policy.write_text(POLICY + 'scans = "hash"\n')
    result = invoke("check", policy)
    assert result.exit_code == 1
    assert f"{policy}:" in result.stderr
    policy.write_text('version = "1"\n[[rules]]\nid = "One"\n')
    found = json.loads(invoke("check", policy, "--json").stdout)
    assert (found["ok"], found["line"], found["field"]) == (False, 3, "$.rules[0].id")


def test_explain_an_event(policy, tmp_path):
    path = tmp_path / "event.json"
    path.write_bytes(msgspec.json.encode(event(jurisdiction="DE-BE")))
    result = invoke("explain", policy, path)
    assert result.exit_code == 0
    assert "scan_basis[1] * * DE: hash, valid (consent)" in result.stdout
    assert "decision where nothing is found: allow, priority 4" in result.stdout
    assert "this is not what the event comes to" in result.stdout
    assert "decision:" not in result.stdout
    assert json.loads(invoke("explain", policy, path, "--json").stdout)["signals"] == 0


def test_explain_says_why_no_rule_matches(policy, tmp_path):
    policy.write_text(
        POLICY
        + RULE.format("of-a-list", "hash_match").replace("ground", 'lists = ["own-a"]\nground')
        + RULE.format("elsewhere", "hash_match").replace("ground", 'tenants = ["other"]\nground')
        + RULE.format("fits-not", "hash_match")
        + "when = '''\nsignal.match == \"near\"\n  && \"x\" in signal.labels\n'''\n"
    )
    path = tmp_path / "event.json"
    path.write_bytes(msgspec.json.encode(event()))
    given = ('{"type": "hash_match", "labels": ["y"]}', '{"type": "url_match"}')
    options = [word for signal in given for word in ("--signal", signal)]
    result = invoke("explain", policy, path, *options)
    assert result.exit_code == 0
    for line in (
        "signal 0 hash_match: no rule's condition holds",
        "  rule of-a-list: is for the lists own-a",
        "  rule elsewhere: is for other",
        '  rule fits-not: signal.match == "near" && "x" in signal.labels does not hold: '
        'signal.match is "exact", signal.labels is ["y"]',
        "signal 1 url_match: no rule is on this type",
        "decision: allow, priority 4",
    ):
        assert line in result.stdout.splitlines()
    [one, other] = json.loads(invoke("explain", policy, path, *options, "--json").stdout)[
        "unmatched"
    ]
    assert [each["rule"] for each in one["considered"]] == ["of-a-list", "elsewhere", "fits-not"]
    assert (other["signal"], other["considered"]) == (1, [])


def test_explain_an_event_with_signals_that_are_given(policy, tmp_path):
    path = tmp_path / "event.json"
    path.write_bytes(msgspec.json.encode(event(jurisdiction="DE-BE")))
    result = invoke(
        "explain", policy, path,
        "--signal", '{"type": "hash_match", "source_kind": "victim"}',
        "--signal", '{"type": "url_match"}',
    )  # fmt: skip
    assert result.exit_code == 0
    assert "signal 0 hash_match: rule victim-submitted says hold" in result.stdout
    assert "signal 1: would not be found, since url is withheld" in result.stdout
    assert "decision: block, priority 3" in result.stdout


def test_explain_a_decision(policy, tmp_path):
    made = decide(
        default_policy(), Envelope(event=event("13_15"), received_at=1, signals=[digest()])
    )
    path = tmp_path / "decision.json"
    path.write_bytes(msgspec.json.encode(made))
    found = json.loads(invoke("explain", policy, path, "--json").stdout)
    assert found["decision"] == {
        "action": "block",
        "report": True,
        "priority": 2,
        "targets": [{"kind": "media", "action": "block", "count": 1}],
        "notices": [],
    }
    assert found["signals"] == 1
    lines = invoke("explain", policy, path).stdout.splitlines()
    assert lines[-3:] == [
        "decision: block, report, priority 2",
        "targets: media block",
        "notices: none",
    ]


def test_explain_tells_targets_by_kind_and_notices_with_their_audience(policy, tmp_path):
    policy.write_text(
        RULES
        + 'targets = { account = "review", conversation = "label" }\n'
        + 'notices = [{ advice = "x-help", audience = "recipient" },'
        + ' { advice = "y-help", audience = "author" }]\n'
    )
    author, conversation = "somebody-7", "talk-7"
    path = tmp_path / "envelope.json"
    happened = structs.replace(event(conversation_id=conversation), author=Author(id=author))
    signals = [digest(), digest(media_id="picture-7")]
    path.write_bytes(msgspec.json.encode(Envelope(event=happened, received_at=1, signals=signals)))
    shown = invoke("explain", policy, path).stdout
    assert shown.splitlines()[-3:] == [
        "decision: hold, priority 4",
        "targets: 2 media hold, conversation label, account review",
        "notices: x-help (recipient), y-help (author)",
    ]
    as_json = invoke("explain", policy, path, "--json").stdout
    found = json.loads(as_json)["decision"]
    assert [(each["kind"], each["action"], each["count"]) for each in found["targets"]] == [
        ("media", "hold", 2),
        ("conversation", "label", 1),
        ("account", "review", 1),
    ]
    assert found["notices"] == [
        {"advice": "x-help", "audience": "recipient"},
        {"advice": "y-help", "audience": "author"},
    ]
    for id in (author, conversation, "picture-7"):
        assert id not in shown + as_json


def test_a_report_by_a_person_is_a_signal_of_its_own(policy, tmp_path):
    path = tmp_path / "event.json"
    path.write_bytes(msgspec.json.encode(event(kind="user_report")))
    assert "decision: review, priority 3" in invoke("explain", policy, path).stdout


def test_explain_an_envelope(policy, tmp_path):
    path = tmp_path / "envelope.json"
    signals = [perceptual(20), perceptual(0, role="allow"), digest(role="observe")]
    path.write_bytes(
        msgspec.json.encode(Envelope(event=event(), received_at=1, signals=[*signals, digest()]))
    )
    found = json.loads(invoke("explain", policy, path, "--json").stdout)
    assert found["permitted"] == ["hash", "url"]
    assert found["passed_over"] == [0, 1]
    assert [(r["signal"], r["rule"], r["tentative"]) for r in found["rules"]] == [
        (2, "known-material", True),
        (3, "known-material", False),
    ]
    decision = found["decision"]
    assert (decision["action"], decision["report"], decision["priority"]) == ("block", True, 4)
    assert "only noted" in invoke("explain", policy, path).stdout


def test_explain_says_what_is_wrong_with_the_event(policy, tmp_path):
    path = tmp_path / "event.json"
    path.write_text('{"event_id": 1}')
    result = invoke("explain", policy, path)
    assert result.exit_code == 2
    assert "$.event_id" in result.stderr
    assert invoke("explain", policy, tmp_path / "none.json").exit_code == 2


def test_check_looks_up_the_lists_that_the_settings_name(policy, tmp_path):
    (tmp_path / "hotline.csv").write_text(
        "id,algorithm,value\n1,md5,0123456789abcdef0123456789abcdef\n"
    )
    config = tmp_path / "seawall.toml"
    config.write_text(f'[lists]\nfiles = ["{tmp_path / "hotline.csv"}"]\n')
    limit = '[[limits]]\nlist = "{}"\nper_day = 9\n'
    policy.write_text(POLICY + limit.format("hotline"))
    assert invoke("check", policy, "--config", config).exit_code == 0
    policy.write_text(POLICY + limit.format("hotlines"))
    result = invoke("check", policy, "--config", config)
    assert result.exit_code == 1
    assert f"{policy}:11: $.limits[0].list: there is no list 'hotlines'; there are hotline" in (
        result.stderr
    )
    assert invoke("check", policy).exit_code == 0
    config.write_text('[lists]\nfiles = ["gone.csv"]\n')
    result = invoke("check", policy, "--config", config)
    assert result.exit_code == 2
    assert "gone.csv" in result.stderr


def test_check_names_the_line_of_a_condition(policy):
    policy.write_text(
        POLICY
        + '[[rules]]\nid = "one"\nowner = "o"\nground = "g"\non = "text_risk"\naction = "review"\n'
        + "when = '''\nsignal.level == \"review\"\n&& signal.score > 3\n'''\n"
    )
    result = invoke("check", policy)
    assert result.exit_code == 1
    assert (
        f"{policy}:18: $.rules[0].when: character 17: > cannot take a number with a point and a "
        "whole number: write the number like the variable's type, 3.0 or 3\n"
        "    && signal.score > 3\n"
        "                    ^\n"
    ) in result.stderr


def test_explain_names_the_rule_on_trial(policy, tmp_path):
    policy.write_text(
        POLICY
        + '[[rules]]\nid = "one"\nowner = "o"\nground = "g"\non = "hash_match"\naction = "hold"\n'
        + "when = 'signal.verified'\nmode = \"trial\"\n"
    )
    path = tmp_path / "envelope.json"
    path.write_bytes(
        msgspec.json.encode(Envelope(event=event(), received_at=1, signals=[digest()]))
    )
    result = invoke("explain", policy, path)
    assert "signal 0 hash_match: rule one says hold, only noted" in result.stdout
    assert "decision: allow, priority 4" in result.stdout


@pytest.mark.parametrize("content", [None, b"x" * 5000])
def test_lists_that_cannot_be_used_are_said_and_no_store_is_made(
    policy, tmp_path, monkeypatch, content
):
    store = tmp_path / "lists.db"
    if content is not None:
        store.write_bytes(content)
    monkeypatch.setenv("SEAWALL_LISTS_STORE", str(store))
    result = invoke("check", policy)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert f"lists.store: {store}: " in result.stderr
    assert store.exists() == (content is not None)


def test_check_says_which_rules_and_limits_never_act(policy):
    def rule(id, *lines, on="hash_match"):
        return RULE.format(id, on) + "".join(f"{line}\n" for line in lines)

    policy.write_text(
        POLICY
        + rule("nowhere", 'jurisdictions = [""]')
        + rule("nobody", 'tenants = [""]')
        + rule("trial", 'mode = "trial"')
        + rule("some", 'lists = ["a"]')
        + rule("fewer", 'lists = ["a"]', "when = 'signal.verified'")
        + rule("other", 'lists = ["b"]', 'tenants = ["acme"]')
        + rule("all")
        + rule("behind", "when = 'signal.verified'")
        + rule("apart", on="url_match")
        + rule("reported", on="user_report")
        + '[[limits]]\nrule = "*"\nlist = "a"\nper_day = 1\n'
        + '[[limits]]\nrule = "*"\nper_day = 5\n'
        + '[[limits]]\nrule = "some"\nlist = "b"\nper_day = 1\n'
    )
    result = invoke("check", policy)
    assert result.exit_code == 0
    notes = [line for line in result.stdout.splitlines() if line.startswith("note: ")]
    no_place = 'it is for the jurisdiction "" alone, and no event that names one has that'
    assert notes == [
        f"note: rule nowhere never acts: {no_place}",
        'note: rule nobody never acts: it is for the tenant "" alone, and no event has that',
        "note: rule fewer never acts: some, before it, decides wherever it could",
        "note: rule behind never acts: all, before it, decides wherever it could",
        "note: limits[2] (rule some) never acts: limits[1], before it, is for all that it is for",
    ]
    assert len(json.loads(invoke("check", policy, "--json").stdout)["idle"]) == len(notes)


def test_the_default_policy_has_nothing_idle(policy):
    assert json.loads(invoke("check", policy, "--json").stdout)["idle"] == []


def test_explain_asks_for_one_of_several_lines(policy, tmp_path):
    line = msgspec.json.encode(event())
    path = tmp_path / "events.jsonl"
    path.write_bytes(line + b"\n" + line + b"\n")
    result = invoke("explain", policy, path)
    assert result.exit_code == 2
    assert f"{path}: holds 2 records, one a line: give a file with one of them" in result.stderr
    path.write_bytes(msgspec.json.format(line, indent=2) + b"\n")
    assert invoke("explain", policy, path).exit_code == 0


def test_explain_reads_an_event_through_a_mapping(policy, tmp_path):
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        '[fields]\nevent_id = "id"\ncontent_id = "id"\noccurred_at = "at"\nauthor.id = "by"\n'
        'jurisdiction = "place"\ntenant = { value = "acme" }\nkind = { value = "created" }\n'
        'surface = { value = "message" }\n'
    )
    path = tmp_path / "event.json"
    path.write_text('{"id": "1", "at": "2026-01-01T00:00:00Z", "by": "a", "place": "DE"}')
    result = invoke("explain", policy, path, "--mapping", mapping)
    assert result.exit_code == 0, result.stderr
    assert "scan_basis[1] * * DE: hash, valid (consent)" in result.stdout
    path.write_text('{"id": "1", "at": "soon", "by": "a"}')
    refused = invoke("explain", policy, path, "--mapping", mapping)
    assert refused.exit_code == 2
    assert f"{path}: $.occurred_at: " in refused.stderr


def test_check_runs_the_tests_and_says_how_many_pass(policy):
    defaults = invoke("check", policy).stdout
    assert re.search(r"14 rules, (\d+) of \1 tests pass", defaults)
    own = RULES + '[[tests]]\nname = "t"\nsignals = [{ type = "hash_match" }]\n'
    policy.write_text(own + 'expect = { action = "hold" }\n')
    result = invoke("check", policy)
    assert (result.exit_code, "1 rule, 1 of 1 tests pass" in result.stdout) == (0, True)
    policy.write_text(own + 'expect = { action = "block" }\n')
    result = invoke("check", policy)
    assert result.exit_code == 1
    assert "0 of 1 tests pass" in result.stdout
    assert "t: action is hold, not block" in result.stdout
    found = json.loads(invoke("check", policy, "--json").stdout)
    assert (found["ok"], found["tests"], len(found["failed"])) == (False, 1, 1)
    policy.write_text(RULES)
    assert "1 rule, no tests" in invoke("check", policy).stdout


RULE = """
[[rules]]
id = "{}"
owner = "o"
ground = "g"
on = "{}"
action = "hold"
"""
RULES = (
    POLICY
    + """
[[rules]]
id = "one"
owner = "o"
ground = "g"
on = "hash_match"
action = "hold"
"""
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (POLICY, ["rules: the default policy's 14", "limits: the default policy's 4;"]),
        (POLICY, ["no limit is for victim-submitted, possible-copy, "]),
        (
            POLICY + '[[limits]]\nrule = "near-copy"\nper_day = 9\n',
            ["limits: 1 of the file's own, and none of the default policy's 4", "known-material"],
        ),
        (
            "limits = []\n" + POLICY,
            ["limits: 0 of the file's own, and none of the default policy's 4", "and 3 more"],
        ),
        (
            RULES,
            [
                "rules: 1 of the file's own, and none of the default policy's 14",
                "limits: the default policy's 4; no limit is for one",
            ],
        ),
        (RULES + "[[limits]]\nper_day = 9\n", ["and none of the default policy's 4\n"]),
    ],
)
def test_check_says_whose_rules_and_limits_hold(policy, text, said):
    policy.write_text(text)
    result = invoke("check", policy)
    assert result.exit_code == 0
    for words in said:
        assert words in result.stdout
