"""The policy of the demo's worker: the default one, with a scan basis, a rule on trial and a
control sample; and the same with the rule live, to ask what it would change."""

import re
from importlib import resources
from pathlib import Path

CONTROL_SHARE = 0.1
TRIAL_RULE = "children-reports-hidden"
LIVE_FILE = "policy-live.toml"

_SCAN_BASIS = """\
[[scan_basis]]
tenant = "demo"
scans = ["hash", "url", "text", "provenance"]
basis = "demo: every scan"

[[scan_basis]]
tenant = "demo"
jurisdiction = "XZ"           # ISO 3166 reserves XZ for private use
scans = ["hash", "url"]
basis = "demo: a country where messages may not be read"

[[scan_basis]]
tenant = "seawall-canary"
scans = ["hash", "url", "text"]
basis = "probes that are nobody's"
"""
_TRIAL = """\
[[rules]]
id = "{rule}"
owner = "trust-and-safety"
ground = "A child reported it; it is hidden until a person has looked."
on = "user_report"
when = 'signal.reporter_age_band in ["under_13", "13_15", "16_17"]'
action = "hold"
mode = "{mode}"
"""


def write_policy(folder: Path) -> Path:
    """Write the worker's policy, and beside it `LIVE_FILE`; returns the former."""
    path = folder / "policy.toml"
    path.write_text(_policy("trial"))
    (folder / LIVE_FILE).write_text(_policy("live"))
    return path


def _policy(mode: str) -> str:
    default = resources.files("streams.policy").joinpath("default.toml").read_text()
    # A file that has rules has only these: the default's are copied after the one on trial.
    rules = re.sub(r"\A.*?^(?=\[closeness\])", "", default, flags=re.DOTALL | re.MULTILINE)
    rule = _TRIAL.format(rule=TRIAL_RULE, mode=mode)
    head = f'version = "demo-{mode}"\ncontrol_share = {CONTROL_SHARE}\n'
    return "\n".join((head, _SCAN_BASIS, rule, rules))
