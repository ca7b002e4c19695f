import pytest

from streams.policy.load import PolicyError, default_policy, load_policy, parse_policy
from streams.policy.scan_basis import SCANS

RULE = """
[[rules]]
id = "one"
owner = "o"
ground = "g"
on = "hash_match"
action = "block"
"""


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
        ('version = "1"' + RULE + 'where = {x = "y"}', 8, "$.rules[0].where.x", "no fact"),
        (
            'version = "1"' + RULE + 'where = {match = "exact-ish"}',
            8,
            "$.rules[0].where.match",
            "one of exact, close, near",
        ),
        ('version = "1"' + RULE + "where = {role = []}", 8, "$.rules[0].where.role", "never"),
    ],
)
def test_an_error_says_where_it_is(text, line, field, message):
    with pytest.raises(PolicyError, match=r"policy\.toml") as failure:
        parse_policy(text, "policy.toml")
    assert failure.value.line == line
    assert failure.value.field == field
    assert message in failure.value.message


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")
