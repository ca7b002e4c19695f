from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.policy import load
from streams.policy.condition import compile_condition
from streams.policy.load import (
    MAX_BYTES,
    MOST_LISTS,
    MOST_RULES,
    PolicyError,
    default_policy,
    load_policy,
    parse_policy,
    parse_policy_file,
)
from streams.policy.scan_basis import SCANS
from streams.policy.source_lines import MOST_SHOWN, pointed_at

RULE = """
[[rules]]
id = "one"
owner = "o"
ground = "g"
on = "hash_match"
action = "block"
"""
WITH = 'version = "1"' + RULE


def test_the_default_policy_scans_nothing():
    basis = default_policy().scan_basis.basis("acme", "message", "DE", 0)
    assert basis.withheld == SCANS


def test_a_file_without_rules_uses_the_default_ones(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text(
        'version = "acme-7"\n[[scan_basis]]\ntenant = "acme"\nscans = ["hash"]\n'
        "valid_until = 2026-04-03\n"
    )
    policy = load_policy(path)
    assert policy.rules == default_policy().rules
    assert policy.closeness == default_policy().closeness
    assert policy.scan_basis.basis("acme", "post", None, 0).permitted == ("hash",)


def test_the_version_tells_edits_apart():
    one, two = (parse_policy(f'version = "1"\n# {n}\n', "f") for n in (1, 2))
    assert one.version.startswith("1+")
    assert one.version != two.version


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("version = =", 1, None, "Invalid value"),
        ("", None, "$", "version"),
        ("\nversion = 1", 2, "$.version", "Expected `str`"),
        ('version = "1"\nother = 1', None, "$", "its fields: version, scan_basis"),
        (
            'version = "1"\n[[scan_basis]]\nscans = ["smell"]',
            3,
            "$.scan_basis[0].scans[0]",
            "allowed: a list of: hash, provenance, text, url",
        ),
        (
            'version = "1"\n[[scan_basis]]\nscans = []\n\n[[scan_basis]]\nvalid_from = "soon"',
            6,
            "$.scan_basis[1].valid_from",
            "RFC3339",
        ),
        ('version = "1"' + RULE + "\n[[rules]]\nid = 'x'\n", 9, "$.rules[1]", "owner"),
        ('version = "1"' + RULE + RULE, 10, "$.rules[1].id", "a second"),
        ('version = "1"' + RULE + "nonsense = 1", 2, "$.rules[0]", "nonsense"),
        (WITH + "where = {match = 'exact'}", 8, "$.rules[0].where", "written as `when`"),
        (WITH + "when = 'signal.x == 1'", 8, "$.rules[0].when", "hash_match has no signal.x"),
        (
            WITH + "when = 'signal.match == \"exact-ish\"'",
            8,
            "$.rules[0].when",
            "one of exact, close, near",
        ),
        (
            WITH + "when = '''\nsignal.verified\n&& signal.match == 1\n'''",
            10,
            "$.rules[0].when",
            "== cannot take a word and a whole number",
        ),
        (
            WITH + "when = '''signal.verified\n&& signal.role == \"observe\"'''",
            9,
            "$.rules[0].when",
            "never 'observe'",
        ),
        (WITH + "lists = ['gone']", 8, "$.rules[0].lists", "there is no list 'gone'"),
        (WITH + "when = 'signal.list == \"gone\"'", 8, "$.rules[0].when", "no list 'gone'"),
        (WITH + "mode = 'dead'", 8, "$.rules[0].mode", "Invalid enum"),
        (WITH + "mode = { share = 2 }", 8, "$.rules[0].mode.share", "< 1.0"),
        (WITH + "[[limits]]\nper_day = 1\nrule = 'two'", 10, "$.limits[0].rule", "no rule 'two'"),
        (WITH + "[[limits]]\nper_day = 1\nlist = 'two'", 10, "$.limits[0].list", "no list 'two'"),
        (WITH + "[[limits]]\nrule = 'one'", 8, "$.limits[0]", "per_day or per_minute"),
        (WITH + "[[limits]]\nper_day = 0", 9, "$.limits[0].per_day", ">= 1"),
        ("# " + "x" * MAX_BYTES, None, None, "larger than"),
        ('version = "a\\u001bb"', 1, "$.version", "nobody can see"),
        ('version = "1"\nx' + ".a" * 20 + " = 1", 2, None, "more than 16 parts"),
        ('version = "1"\n[["a b"' + ".'a'" * 20 + "]]", 2, None, "more than 16 parts"),
        ("rules = " + "[" * 4000 + "]" * 4000, None, None, "nested too deeply"),
        (WITH + 'when = "signal.match\\n == 1"', 8, "$.rules[0].when", "a whole number"),
    ],
)
def test_an_error_says_where_it_is(text, line, field, message):
    with pytest.raises(PolicyError, match=r"policy\.toml") as failure:
        parse_policy(text, "policy.toml", {"one", "other"})
    assert failure.value.line == line
    assert failure.value.field == field
    assert message in failure.value.message


def test_a_condition_is_shown_with_a_mark_at_the_place():
    with pytest.raises(PolicyError) as failure:
        parse_policy(WITH + "when = '''\nsignal.verified\n  && signal.mach == 'exact''''", "f")
    assert failure.value.line == 10
    assert failure.value.excerpt.splitlines() == [
        "      && signal.mach == 'exact'",
        "         ^",
    ]


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(0, 3), st.integers(1, 302))
def test_an_excerpt_fits_a_line_and_marks_the_character(text, line, column):
    lines = (*text.split("\n"), "")
    line = min(line, len(lines) - 1)
    column = min(column, len(lines[line]) + 1)
    shown, mark = pointed_at(text, line, column).split("\n")
    assert shown.isprintable()
    assert len(shown) <= MOST_SHOWN + 10
    assert mark.strip() == "^"
    char = lines[line][column - 1 : column]
    if char.isprintable() and char:
        assert shown[mark.index("^")] == char


def test_no_more_of_a_file_is_read_than_it_may_hold(tmp_path):
    with pytest.raises(PolicyError, match="larger than"):
        load_policy(Path("/dev/zero"))
    path = tmp_path / "policy.toml"
    path.write_bytes(b'version = "\xff"')
    with pytest.raises(PolicyError, match=r"policy.toml:1: is not UTF-8"):
        load_policy(path)


def rules(*whens: str, more: str = "") -> str:
    return 'version = "1"' + "".join(
        f"{RULE.replace('one', f'r{number}')}{more}when = '{when}'\n"
        for number, when in enumerate(whens)
    )


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        (
            'version = "1"' + "".join(RULE.replace("one", f"r{n}") for n in range(MOST_RULES + 1)),
            f"$.rules[{MOST_RULES}]",
            "one more rule than 1,000",
        ),
        (
            rules("signal.verified", more=f"lists = {[f'l{n}' for n in range(MOST_LISTS + 1)]}\n"),
            "$.rules[0]",
            "more than 1,000 lists",
        ),
    ],
)
def test_a_file_has_a_budget_and_what_is_past_it_is_named(text, field, message):
    with pytest.raises(PolicyError, match=message) as failure:
        parse_policy(text, "f")
    assert failure.value.field == field


def test_checking_the_conditions_of_a_file_has_a_budget(monkeypatch):
    whens = [f"signal.distance > {number} && signal.verified" for number in range(9)]
    assert len(parse_policy(rules(*whens), "f").rules) == 9
    efforts = [compile_condition(when, "hash_match").effort for when in whens]
    monkeypatch.setattr(load, "MOST_EFFORT", sum(efforts[:3]))
    with pytest.raises(PolicyError, match="take too long to check") as failure:
        parse_policy(rules(*whens), "f")
    assert (failure.value.field, failure.value.line) == ("$.rules[3].when", 32)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")


def test_without_the_lists_any_may_be_named():
    text = WITH + "lists = ['gone']\nwhen = 'signal.list in [\"lost\"]'"
    assert parse_policy(text, "policy.toml").lists_named == {"gone", "lost"}


def test_an_action_is_refused_with_what_is_allowed():
    with pytest.raises(PolicyError, match="allowed: allow, block, hold, label, review"):
        parse_policy(WITH.replace('"block"', '"explode"'), "policy.toml")


def test_what_a_file_says_of_limits_stands_for_the_default():
    assert parse_policy('version = "1"', "f").limits == default_policy().limits
    assert parse_policy('version = "1"\nlimits = []', "f").limits == ()
    assert parse_policy_file('version = "1"\nlimits = []', "f").limits == []
