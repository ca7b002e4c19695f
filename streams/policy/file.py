"""What a policy file holds, as its JSON Schema says it."""

from typing import Annotated

from msgspec import Meta, Struct

from streams.policy.facts import Closeness
from streams.policy.limits import Limit
from streams.policy.policy_tests import PolicyTest
from streams.policy.rules import Rule
from streams.policy.scan_basis import ScanBasisRow


class PolicyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy. `version` names it in decisions. Without `rules`, `closeness` or `limits` the
    default policy's apply; `limits = []` is none. `tests` are run by `seawall policy test`.
    `control_share` (0-1) of the decisions with signals are marked `sampled`: drawn by a hash of
    the decision's id, for a review apart from the queue."""

    version: Annotated[str, Meta(min_length=1, max_length=64)]
    scan_basis: list[ScanBasisRow] = []
    closeness: Closeness | None = None
    rules: list[Rule] | None = None
    limits: list[Limit] | None = None
    control_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    tests: list[PolicyTest] = []
