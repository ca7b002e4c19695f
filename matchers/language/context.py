"""What the platform and the conversation know of people, and how it bears on the evidence."""

from collections.abc import Iterable

from msgspec.structs import replace

from matchers.language import weights as w
from matchers.language.categories import CATEGORIES, Category
from matchers.language.state import MINOR_BANDS, Conversation, Person, Strength

_DAY = 86_400_000


def decayed(strength: Strength, now_ms: int) -> float:
    """What is left of evidence at a time; it halves with the category's half-life."""
    days = max(0, now_ms - strength.at) / _DAY
    return strength.strength * 0.5 ** (days / w.HALF_LIFE_DAYS[CATEGORIES[strength.category]])


def is_under_age(age: int) -> bool:
    """Whether a stated age, 0 where none is, is a minor's."""
    return 0 < age < w.AGE_LIMIT


def is_minor(person: Person) -> bool:
    """Known as a minor, or said to be one."""
    stated = is_under_age(person.stated_least) and not is_checked_adult(person)
    return person.band in MINOR_BANDS or stated


def known_adult(person: Person) -> bool:
    """Known as an adult, or says so at all."""
    return person.band == "adult" or person.stated_most >= w.AGE_LIMIT


def is_checked(person: Person) -> bool:
    """Whether the platform knows more of their age than their own word."""
    return person.source in ("estimated", "verified")


def is_checked_adult(person: Person) -> bool:
    """Known as an adult, by more than their own word: what they say of their age is no child's."""
    return person.band == "adult" and is_checked(person)


def _is_adult(person: Person) -> bool:
    """Known as an adult, or says so and nobody says otherwise."""
    if person.band == "adult":
        return is_checked_adult(person) or not is_under_age(person.stated_least)
    return person.band == "unknown" and person.stated_least >= w.AGE_LIMIT


def state_age(person: Person, age: int, *, trial: bool) -> Person:
    """The person after an age was said of them; `trial`: in a language on trial."""
    if trial:
        return replace(
            person,
            trial_least=min(age, person.trial_least or age),
            trial_most=max(age, person.trial_most),
        )
    return replace(
        person,
        stated_least=min(age, person.stated_least or age),
        stated_most=max(age, person.stated_most),
    )


def with_trial_ages(state: Conversation) -> Conversation:
    """The state as if what was said of ages in languages on trial counted."""
    if not any(person.trial_least for person in state.people):
        return state
    people = tuple(
        replace(
            person,
            stated_least=min(person.stated_least or person.trial_least, person.trial_least),
            stated_most=max(person.stated_most, person.trial_most),
        )
        if person.trial_least
        else person
        for person in state.people
    )
    return replace(state, people=people)


def _shows(person: Person, now: int, *categories: Category) -> bool:
    return any(
        CATEGORIES[s.category] in categories and decayed(s, now) >= w.PRESENT
        for s in person.strengths
    )


def _speaks_of_guardians(person: Person, now: int) -> bool:
    """Whether what was said is what one says to a child, though nobody gave an age."""
    return _shows(person, now, "isolation", "secrecy")


def _is_stranger(person: Person, now: int) -> bool:
    """Whether one speaks so who asks what family and friends know: an age, or for another app."""
    return _speaks_of_guardians(person, now) and _shows(
        person, now, "age_question", "platform_move"
    )


def bearing(
    state: Conversation, subject: Person, others: list[Person], minor: bool, now: int
) -> Iterable[str]:
    """The names of what the platform and the conversation know that bears on the evidence."""
    peers = minor and subject.band in MINOR_BANDS and all(p.band in MINOR_BANDS for p in others)
    adults = (
        not minor
        and _is_adult(subject)
        and bool(others)
        and all(_is_adult(p) for p in others)
        # Of several recipients, those of unknown age are not remembered until they speak.
        and state.crowd <= len(state.people)
    )
    if peers:
        # Adults pose as fourteen: what an account says of itself is worth less.
        yield "peers_declared" if subject.source in (None, "declared") else "peers"
    elif minor:
        yield "minor_recipient"
        if known_adult(subject):
            yield "age_gap"
        if any(p.spoke for p in others if is_minor(p)):
            yield "answered"
    elif adults:
        yield "adults_only"
    elif not _speaks_of_guardians(subject, now):
        yield "no_child"
    elif not (minor or _is_stranger(subject, now)) and not (
        _shows(subject, now, "isolation") and _shows(subject, now, "secrecy")
    ):
        yield "family_talk"
    if not (peers or adults) and _is_stranger(subject, now):
        yield "stranger"
    if subject.account_at and now - subject.account_at <= w.NEW_ACCOUNT_DAYS * _DAY:
        yield "new_account"
    if minor and now - state.started <= w.FIRST_CONTACT_DAYS * _DAY:
        yield "first_contact"
    if any(reporter != subject.key for reporter in state.reporters):
        yield "user_report"
    if is_crowd(state):
        yield "crowd"


def is_crowd(state: Conversation) -> bool:
    """Whether so many people are there that words are rather meant for nobody in particular."""
    return max(state.crowd, len(state.people)) >= w.CROWD
