"""What a change of the policy changes: diff, and replay over recorded decisions."""

import json
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from streams.cli.policy import app
from streams.cli.policy_replaying import judged_again, replayed
from streams.contracts.decision import Decision
from streams.contracts.envelope import Envelope
from streams.kafka.archive import line_of
from streams.policy.difference import differences
from streams.policy.load import default_policy, parse_policy, parse_policy_file
from streams.policy.recorded import facts_of
from streams.stages.enforcement import decide
from tests.unit.policy.signals import digest, event, events, evidence, perceptual, risk

DEFAULT = default_policy()
RULE = """
[[rules]]
id = "{id}"
owner = "o"
ground = "g"
on = "hash_match"
when = 'signal.match == "{match}"'
action = "{action}"
"""


def file(*rules: tuple[str, str, str], more: str = "") -> str:
    tables = "".join(RULE.format(id=id, match=match, action=act) for id, match, act in rules)
    return f'version = "1"\n{more}{tables}'


def parsed(text: str):
    return parse_policy_file(text, "f")


def test_a_policy_does_not_differ_from_itself_or_a_new_version_of_it():
    one = file(("a", "exact", "block"))
    assert differences(parsed(one), parsed(one.replace('"1"', '"2"'))) == []
    assert differences(parsed('version = "1"'), parsed('version = "2"')) == []


def test_space_around_a_condition_is_no_difference():
    before, inside = file(("a", "exact", "block")), 'signal.match == "exact"'
    after = before.replace(f"'{inside}'", f"'''\n  {inside} \n'''")
    assert after != before
    assert differences(parsed(before), parsed(after)) == []
    [found] = differences(parsed(before), parsed(after.replace("exact", "near")))
    assert found.changed == {"when": tuple(map(json.dumps, (inside, 'signal.match == "near"')))}


def test_differences_by_rule():
    before = file(("a", "exact", "block"), ("b", "close", "hold"), ("c", "near", "label"))
    after = file(("c", "near", "label"), ("a", "exact", "hold"), ("d", "near", "review"))
    found = {(d.kind, d.where): d.changed for d in differences(parsed(before), parsed(after))}
    assert found == {
        ("changed", "a"): {"action": ('"block"', '"hold"')},
        ("added", "d"): {},
        ("removed", "b"): {},
        ("moved", "c"): {"place": ("2", "1")},
        ("moved", "a"): {"place": ("1", "2")},
    }


def test_differences_of_the_rest():
    before = file(more='control_share = 0.1\n[[scan_basis]]\nscans = ["hash"]\n')
    after = file(more='limits = []\n[[scan_basis]]\nscans = ["url"]\n')
    found = [
        (d.kind, d.where.partition(":")[0]) for d in differences(parsed(before), parsed(after))
    ]
    assert found.count(("removed", "limits")) == len(DEFAULT.limits)
    assert ("changed", "scan_basis") in found
    assert ("changed", "control_share") in found


ROW = '[[scan_basis]]\ntenant = "{}"\nscans = {}\n'
LIMIT = '[[limits]]\nrule = "{}"\nper_day = {}\n'


def test_a_row_that_is_for_the_same_is_changed_and_not_added_and_removed():
    before = file(
        more=ROW.format("a", '["hash"]')
        + ROW.format("b", '["url"]')
        + LIMIT.format("near-copy", 5)
        + LIMIT.format("*", 9)
    )
    after = file(
        more=ROW.format("c", '["url"]')
        + ROW.format("a", '["hash", "text"]')
        + LIMIT.format("near-copy", 6)
        + LIMIT.format("*", 9)
    )
    found = differences(parsed(before), parsed(after))
    assert [(each.kind, each.where.partition(" {")[0]) for each in found] == [
        ("added", "scan_basis:"),
        ("changed", "scan_basis: a * *"),
        ("removed", "scan_basis:"),
        ("changed", "limits: near-copy *"),
    ]
    assert found[1].changed == {"scans": ('["hash"]', '["hash","text"]')}
    assert found[3].changed == {"per_day": ("5", "6")}


def test_limits_in_another_order_differ_for_the_first_holds():
    one, two = LIMIT.format("near-copy", 5), LIMIT.format("*", 9)
    found = differences(parsed(file(more=one + two)), parsed(file(more=two + one)))
    assert [(each.kind, each.where) for each in found] == [
        ("moved", "limits: * *"),
        ("moved", "limits: near-copy *"),
    ]


rows = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(['["hash"]', '["url"]', "[]"])), max_size=5
)


@given(rows, rows)
def test_rows_that_are_added_changed_and_removed_make_the_one_the_other(before, after):
    texts = [file(more="".join(ROW.format(*row) for row in each)) for each in (before, after)]
    kinds = [each.kind for each in differences(*map(parsed, texts))]
    assert len(before) + kinds.count("added") - kinds.count("removed") == len(after)
    assert (kinds == []) == (sorted(before) == sorted(after))


def recorded(*signals, happened=None, policy=DEFAULT) -> Decision:
    made = decide(
        policy,
        Envelope(event=happened or event(), received_at=1_770_000_000_000, signals=list(signals)),
    )
    return msgspec.json.decode(msgspec.json.encode(made), type=Decision)


decided = st.builds(
    lambda happened, kind, signals: recorded(
        *signals, happened=msgspec.structs.replace(happened, kind=kind, jurisdiction="DE")
    ),
    events,
    st.sampled_from(["created", "edited", "deleted", "user_report"]),
    st.lists(evidence, max_size=4),
)


@given(decided)
def test_the_same_policy_judges_a_recorded_decision_the_same(decision):
    if not decision.signals:
        assert decision.event_facts is None
        return
    assert judged_again(DEFAULT, decision) == decision


@given(events)
def test_facts_are_what_the_event_said(happened):
    facts = facts_of(happened)
    assert facts.author_age_band == happened.author.age_band
    assert set(facts.recipient_age_bands) == {p.age_band for p in happened.recipients}
    assert facts.recipient_count == len(happened.recipients)


def test_replay_counts_what_would_change():
    stricter = parse_policy(
        file(("a", "exact", "block"), ("b", "close", "hold"), ("c", "near", "review")), "f"
    )
    decisions = [
        *(recorded(perceptual(4)) for _ in range(3)),
        recorded(perceptual(20)),
        recorded(digest()),
        recorded(),
        recorded(risk()),
        msgspec.structs.replace(recorded(digest()), kind="reversal"),
        msgspec.structs.replace(recorded(digest()), event_facts=None, degraded=("reports_paused",)),
    ]
    found = replayed(stricter, decisions)
    assert (found.decisions, found.judged, found.changed) == (8, 7, 7)
    assert (found.without_facts, found.limited) == (1, 1)
    assert found.changes == {
        ("action", "block", "hold"): 3,
        ("action", "hold", "review"): 1,
        ("report", "yes", "no"): 2,
        ("action", "review", "allow"): 1,
    }
    assert found.details == {
        ("targets", "media block -> hold"): 3,
        ("targets", "media hold -> review"): 1,
        ("targets", "conversation review -> allow"): 1,
        ("notices", "-talking-to-strangers (recipient)"): 1,
    }
    assert found.rules["near-copy"] == (3, 0)
    assert found.rules["b"] == (0, 3)
    assert len(found.examples["action", "block", "hold"]) == 3


def outcome(*lines: str):
    text = file(("a", "exact", "block")) + "".join(f"{line}\n" for line in lines)
    return parse_policy(text, "f")


ACCOUNT = 'targets = { account = "block" }'
ADVICE = 'notices = [{{ advice = "{}", audience = "{}" }}]'


def test_a_decision_changes_with_what_it_is_aimed_at():
    picture = outcome()
    account = parse_policy(file(("a", "exact", "allow")) + ACCOUNT, "f")
    one, two = digest(), digest(media_id="m2")
    before = [recorded(one, policy=picture), recorded(one, two, policy=picture)]
    found = replayed(account, before)
    assert found.changed == 2
    assert found.changes == {}
    assert found.details == {
        ("targets", "media block -> allow, account allow -> block"): 1,
        ("targets", "2 media block -> allow, account allow -> block"): 1,
    }
    assert replayed(picture, before).changed == 0


def test_targets_that_change_places_are_a_change():
    own = file(("a", "exact", "block")).replace("when", 'lists = ["{}"]\nwhen')
    signals = digest(list="one"), digest(list="two", media_id="m2")
    before = recorded(*signals, policy=parse_policy(own.format("one"), "f"))
    found = replayed(parse_policy(own.format("two"), "f"), [before])
    assert found.details == {("targets", "media block -> allow, media allow -> block"): 1}


def test_a_decision_changes_with_whom_it_advises():
    before = recorded(digest(), policy=outcome(ADVICE.format("x-help", "recipient")))

    def details(*lines: str):
        found = replayed(outcome(*lines), [before])
        assert found.changed == len(found.details)
        assert not found.changes
        return [*found.details]

    assert details(ADVICE.format("x-help", "recipient")) == []
    assert details() == [("notices", "-x-help (recipient)")]
    assert details(ADVICE.format("y-help", "recipient")) == [
        ("notices", "+y-help (recipient), -x-help (recipient)")
    ]
    assert details(ADVICE.format("x-help", "author")) == [
        ("notices", "+x-help (author), -x-help (recipient)")
    ]


@given(decided)
def test_the_same_policy_changes_nothing_of_a_recorded_decision(decision):
    found = replayed(DEFAULT, [decision])
    assert (found.changed, found.changes, found.details) == (0, {}, {})


def test_a_risk_of_another_is_aimed_at_the_same_account_again():
    policy = parse_policy(
        file() + '[[rules]]\nid = "a"\nowner = "o"\nground = "g"\non = "text_risk"\n'
        'action = "review"\n' + ACCOUNT,
        "f",
    )
    of_other = risk(of_other=True, account_id="r0")
    for happened in (event(), event(conversation_id=None)):
        made = recorded(of_other, happened=happened, policy=policy)
        assert "account" in {target.kind for target in made.targets}
        assert replayed(policy, [made]).changed == 0


def test_replay_shows_what_a_rule_on_trial_would_have_done():
    trial = parse_policy(file(("a", "exact", "block")).replace("when", 'mode = "trial"\nwhen'), "f")
    found = replayed(trial, [recorded(digest())])
    assert found.would_have == {"a": 1}


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def files(tmp_path):
    before, after = tmp_path / "before.toml", tmp_path / "after.toml"
    before.write_text(file(("a", "exact", "block")))
    after.write_text(file(("a", "exact", "hold")))
    decisions = tmp_path / "decisions.jsonl"
    policy = parse_policy(before.read_text(), "f")
    lines = [recorded(digest(), policy=policy), recorded(policy=policy)]
    decisions.write_bytes(b"\n".join(map(msgspec.json.encode, lines)) + b"\n\n")
    return before, after, decisions


def test_the_diff_command(files):
    before, after, _ = files
    result = run("diff", before, after)
    assert result.exit_code == 1
    assert result.stdout == 'changed a\n    action: "block" -> "hold"\n'
    assert json.loads(run("diff", before, after, "--json").stdout)[0]["where"] == "a"
    result = run("diff", before, before)
    assert (result.exit_code, result.stdout) == (0, "no difference\n")


def test_the_replay_command(files):
    _, after, decisions = files
    result = run("replay", after, decisions)
    assert result.exit_code == 0
    assert "1 of 1 decisions with signals would" in result.stdout
    assert "hold" in result.stdout
    found = json.loads(run("replay", after, decisions, "--json").stdout)
    assert (found["decisions"], found["changed"]) == (2, 1)
    assert found["changes"][0] | {"examples": []} == {
        "what": "action",
        "before": "block",
        "after": "hold",
        "decisions": 1,
        "examples": [],
    }


def test_the_replay_command_tells_targets_and_notices_and_no_ids(files):
    _, after, decisions = files
    after.write_text(
        file(("a", "exact", "allow")) + f"{ACCOUNT}\n" + ADVICE.format("x-help", "recipient")
    )
    made = msgspec.json.decode(decisions.read_bytes().split(b"\n")[0], type=Decision)
    ids = made.author_id, made.conversation_id, made.targets[0].id
    assert len(set(ids)) == 3
    shown = run("replay", after, decisions).stdout
    assert "1 of 1 decisions with signals would change" in shown
    words = " ".join(shown.replace("│", " ").split())
    assert "targets" in words
    assert "+x-help" in words
    as_json = run("replay", after, decisions, "--json").stdout
    found = json.loads(as_json)
    assert (found["changed"], found["changes"]) == (1, [])
    examples = {"decisions": 1, "examples": [made.decision_id]}
    assert found["targets"] == [
        {"change": "media block -> allow, account allow -> block", **examples}
    ]
    assert found["notices"] == [{"change": "+x-help (recipient)", **examples}]
    plain = (shown + as_json).replace(made.decision_id, "")
    for id in ids:
        assert f'"{id}"' not in plain
        assert id not in plain.split()


def test_replay_reads_what_the_archive_keeps(files):
    _, after, decisions = files
    plain = run("replay", after, decisions, "--json").stdout

    def record(value: bytes):
        headers = [("seawall-action", b"hold")]
        return SimpleNamespace(offset=3, timestamp=7, key=b"k\xff", value=value, headers=headers)

    kept = [line_of(record(value)) for value in decisions.read_bytes().split(b"\n") if value]
    decisions.write_bytes(b"\n".join(map(msgspec.json.encode, kept)))
    got = run("replay", after, decisions, "--json")
    assert got.stdout == plain, got.stderr
    decisions.write_bytes(msgspec.json.encode(line_of(record(b"{no"))))
    result = run("replay", after, decisions)
    assert result.exit_code == 2
    assert "decisions.jsonl:1" in result.stderr


def test_replay_says_which_line_is_no_decision(files):
    _, after, decisions = files
    decisions.write_text('{"decision_id": 1}\n')
    result = run("replay", after, decisions)
    assert result.exit_code == 2
    assert "decisions.jsonl:1" in result.stderr
    after.write_text("version = 1")
    assert run("replay", after, decisions).exit_code == 1
