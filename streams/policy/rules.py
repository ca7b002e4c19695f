"""Rules: what to do about a signal.

Rules are in order. Of those for a signal's type, the first live one that matches decides about
that signal; every live one that matches up to there adds its notices. A rule on trial that is
reached is noted and passed over. Over all signals the strongest action stands.
"""

from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from streams.contracts.decision import Notice
from streams.contracts.event import ContentEvent
from streams.contracts.values import Action
from streams.policy.facts import VOCABULARY, Facts, SignalType
from streams.policy.scan_basis import covers

Words = bool | str | list[str]


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule, as a policy file has it.

    `where` names facts of the signal (see `facts.py`) with the word, or the words of which one,
    must be there; all its facts must hold. `ground` is for a statement of reasons, `owner` answers
    for the rule. Without `tenants` or `jurisdictions` it is for all.
    """

    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    owner: Annotated[str, Meta(min_length=1)]
    ground: Annotated[str, Meta(min_length=1)]
    on: SignalType
    where: dict[str, Words] = {}
    action: Action
    report: bool = False
    notices: list[Notice] = []
    mode: Literal["live", "trial"] = "live"
    tenants: list[str] = []
    jurisdictions: list[str] = []


class CompiledRule(NamedTuple):
    """A rule with its condition made ready. `about_self` holds when it is about a person who
    seeks help, so that its notice to the author warns nobody of a case."""

    rule: Rule
    condition: tuple[tuple[str, frozenset[str]], ...]
    about_self: bool

    def matches(self, facts: Facts, event: ContentEvent) -> bool:
        """Whether the rule is for this event and its condition holds."""
        rule = self.rule
        if rule.tenants and event.tenant not in rule.tenants:
            return False
        if rule.jurisdictions and not any(
            covers(place, event.jurisdiction) for place in rule.jurisdictions
        ):
            return False
        return all(not words.isdisjoint(facts[name]) for name, words in self.condition)


class BadCondition(ValueError):
    """A rule's `where` can never hold: `field` is the fact at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def compile_rule(rule: Rule) -> CompiledRule:
    """Check a rule's condition against the vocabulary of its signal type.

    Raises:
        BadCondition: it names an unknown fact, or a word outside the fact's values.
    """
    vocabulary = VOCABULARY[rule.on]
    condition: list[tuple[str, frozenset[str]]] = []
    for name, value in rule.where.items():
        if name not in vocabulary:
            known = ", ".join(vocabulary)
            raise BadCondition(name, f"{rule.on} has no fact {name!r}; it has {known}")
        words = frozenset(_words(value))
        allowed = vocabulary[name]
        if not words:
            raise BadCondition(name, "an empty list can never match")
        if allowed is not None and not words <= set(allowed):
            wrong = ", ".join(sorted(words - set(allowed)))
            raise BadCondition(name, f"{wrong}: not one of {', '.join(allowed)}")
        condition.append((name, words))
    about_self = any(
        name in ("only_category", "pattern") and asked == frozenset({"self_harm"})
        for name, asked in condition
    )
    return CompiledRule(rule, tuple(condition), about_self)


def _words(value: Words) -> list[str]:
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [value] if isinstance(value, str) else value
