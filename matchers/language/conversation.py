"""The conversation model: evidence of each person, decaying with time, and what it amounts to.

Pure functions of state, message and time. `advance` takes a message in, `score` says what one
person's side of the conversation amounts to, as a sum of named parts. More evidence never lowers
a score. The numbers are in `matchers.language.weights`.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from msgspec.structs import replace

from matchers.language import weights as w
from matchers.language.categories import CATEGORIES, CATEGORY_INDEX, STAGE_OF, STAGES, Category
from matchers.language.context import (
    bearing,
    decayed,
    is_checked_adult,
    is_minor,
    is_under_age,
    known_adult,
    state_age,
    with_trial_ages,
)
from matchers.language.patterns import is_fresh, latch, named
from matchers.language.state import (
    MINOR_BANDS,
    NUMBERS_CAP,
    PEOPLE_CAP,
    REPORTERS_CAP,
    SEEN_CAP,
    VERSION,
    AgeSource,
    Conversation,
    Finding,
    Latched,
    Message,
    Participant,
    Pattern,
    Person,
    Strength,
)

Level = Literal["none", "note", "watch", "review"]
LEVELS: tuple[Level, ...] = ("none", "note", "watch", "review")

_DAY = 86_400_000
_SURENESS: dict[AgeSource | None, int] = {None: 0, "declared": 1, "estimated": 2, "verified": 3}
"""Events name their recipients without a source, which takes nothing back."""


class Part(NamedTuple):
    """One named addend of a score."""

    name: str
    points: float


class Score(NamedTuple):
    """What one person's side of a conversation amounts to. `points` is the sum of `parts`.

    `trial`: without the evidence of unreviewed languages the level would be lower; `unverified`:
    all evidence came from a client. `minor_involved`: somebody else there is, or says to be, a
    minor. `steps` is the number of categories shown, 0 where none of them may lead to `review`,
    and `messages` the person's messages with evidence: what `review` asks for besides points.
    """

    level: Level
    points: float
    parts: tuple[Part, ...]
    categories: tuple[Category, ...]
    pattern: Pattern | None = None
    trial: bool = False
    unverified: bool = False
    minor_involved: bool = False
    steps: int = 0
    messages: int = 0


NO_SCORE = Score("none", 0.0, (), ())


# --- advance -------------------------------------------------------------------------------


def advance(state: Conversation | None, message: Message, now_ms: int) -> Conversation | None:
    """The state after a message; the very same object when it changes nothing.

    A conversation is remembered from its first evidence or report, or from its first message
    where the platform knows that an adult writes to a minor; of a bare number only the event's id
    is. A repeated event adds nothing.
    """
    if state is not None and (message.event in state.seen or message.event in state.numbers):
        return state
    findings = _of_use(state, message, now_ms)
    if not (findings or message.report):
        return _without_evidence(state, message, now_ms)
    state = _meet(_begun(state, now_ms), message, makes_room=bool(findings))
    if message.report:
        state = _report(state, message.author.key)
    if findings:
        state = _take(state, message, findings, now_ms)
    seen = (*state.seen, message.event)[-SEEN_CAP:]
    return replace(state, seen=seen, now=max(state.now, now_ms))


def _without_evidence(
    state: Conversation | None, message: Message, now_ms: int
) -> Conversation | None:
    """Who is there is noted in a conversation that is remembered, and which message was a bare
    number: a producer's repeat of it, after a question that it did not answer, is no answer."""
    if (state is not None and state.people) or _adult_to_minor(message):
        state = _meet(_begun(state, now_ms), message, makes_room=False)
    if message.findings and any(finding.answer for finding in message.findings):
        state = state or Conversation(VERSION, now_ms, now_ms)
        state = replace(state, numbers=(*state.numbers, message.event)[-NUMBERS_CAP:])
    return state


def _begun(state: Conversation | None, now_ms: int) -> Conversation:
    """The conversation, which begins now unless somebody in it is known."""
    if state is None:
        return Conversation(VERSION, now_ms, now_ms)
    return state if state.people else replace(state, started=now_ms, now=now_ms)


def _adult_to_minor(message: Message) -> bool:
    return message.author.band == "adult" and any(
        person.band in MINOR_BANDS for person in message.recipients
    )


def person_of(state: Conversation, key: int) -> Person | None:
    """The person with this key, if remembered."""
    for person in state.people:
        if person.key == key:
            return person
    return None


def _meet(state: Conversation, message: Message, *, makes_room: bool) -> Conversation:
    """Note who is there. Only news changes the state."""
    state = _update_person(state, message.author, spoke=True, makes_room=makes_room)
    others = [person for person in message.recipients if person.key != message.author.key]
    for recipient in others[:PEOPLE_CAP]:
        if recipient.band != "unknown" or len(others) == 1:
            state = _update_person(
                state, recipient, spoke=False, makes_room=False, author=message.author.key
            )
    listed = len(message.recipients) - len(others)
    crowd = max(message.recipient_count - listed, len(others)) + 1
    return replace(state, crowd=crowd) if crowd > state.crowd else state


def _update_person(
    state: Conversation, seen: Participant, *, spoke: bool, makes_room: bool, author: int = 0
) -> Conversation:
    """`makes_room`: where all places are taken, whoever matters least leaves. Somebody does so too
    for the first who is under 18, and for others under 18 an adult of whom there is no evidence;
    neither the `author` of the message leaves, nor the only one under 18."""
    known = person_of(state, seen.key)
    if known is None:
        people = state.people
        if len(people) >= PEOPLE_CAP:
            if not (makes_room or seen.band in MINOR_BANDS):
                return state
            minors = [person.key for person in people if is_minor(person)]
            stay = (author, *minors) if len(minors) == 1 else (author,)
            others = [i for i in range(len(people)) if people[i].key not in stay]
            least = min(others, key=lambda i: _importance(people[i]))
            spare = not minors or _importance(people[least])[:3] == (0, 0.0, False)
            if not (makes_room or spare):
                return state
            people = people[:least] + people[least + 1 :]
        person = Person(seen.key, seen.band, seen.source, seen.account_at, spoke)
        return replace(state, people=(*people, person))
    band, source = known.band, known.source
    surer = _SURENESS[seen.source] > _SURENESS[source]
    if seen.band != "unknown" and (seen.band != band or surer):
        band, source = seen.band, seen.source
    account_at = seen.account_at or known.account_at
    spoke = spoke or known.spoke
    if (band, source, account_at, spoke) == (
        known.band,
        known.source,
        known.account_at,
        known.spoke,
    ):
        return state
    return _put(state, replace(known, band=band, source=source, account_at=account_at, spoke=spoke))


def _importance(person: Person) -> tuple[int, float, bool, int]:
    return (
        len(person.patterns),
        sum(s.strength for s in person.strengths)
        + (1.0 if person.stated_least or person.trial_least else 0.0),
        person.band in MINOR_BANDS,
        max((s.at for s in person.strengths), default=0),
    )


def _put(state: Conversation, person: Person) -> Conversation:
    people = tuple(person if p.key == person.key else p for p in state.people)
    return replace(state, people=people)


def _report(state: Conversation, reporter: int) -> Conversation:
    if reporter in state.reporters or len(state.reporters) >= REPORTERS_CAP:
        return state
    return replace(state, reporters=(*state.reporters, reporter))


def _of_use(state: Conversation | None, message: Message, now_ms: int) -> list[Finding]:
    """The findings that say something here: strong enough, and a bare number only as an answer."""
    if not message.findings:
        return []
    asked = state is not None and bool(_questions(state, message.author.key, now_ms))
    return [
        finding
        for finding in message.findings
        if finding.weight >= w.EVIDENCE_LEAST and (asked or not finding.answer)
    ]


def _questions(state: Conversation, author: int, now_ms: int) -> list[bool]:
    """The questions for the age that wait for the author's answer: whether each was on trial."""
    if author in state.answered:
        return []
    asked = [
        (state.question_by, state.question_at, state.question_trial),
        (state.asked_by, state.asked_at, state.asked_trial),
    ]
    return [trial for by, at, trial in asked if by not in (0, author) and _is_open(at, now_ms)]


def _is_open(asked_at: int, now_ms: int) -> bool:
    """Whether a question for the age still waits for an answer. Messages may come a little out of
    order; a question of a far later day, by some producer's clock, asks nothing today."""
    return abs(now_ms - asked_at) <= w.ANSWER_MINUTES * 60_000


def _take(
    state: Conversation, message: Message, findings: Iterable[Finding], now_ms: int
) -> Conversation:
    count = state.count + 1
    author = person_of(state, message.author.key)
    if author is None:
        return state
    others: Finding | None = None
    asked = state
    questions = _questions(state, author.key, now_ms)
    for finding in findings:
        if finding.category == "age_statement":
            if finding.about_other:
                others = finding
            else:
                unsure = finding.trial or (finding.answer and all(questions))
                author = state_age(author, finding.age, trial=unsure)
                if asked.question_by:
                    told = (*(k for k in asked.answered if k != author.key), author.key)
                    asked = replace(asked, answered=told[-PEOPLE_CAP:])
                if finding.asks:
                    asked = _ask(asked, author.key, now_ms, trial=finding.trial)
            continue
        if finding.category == "age_question":
            asked = _ask(asked, author.key, now_ms, trial=finding.trial)
        author = _strengthen(author, finding, count, now_ms, message.unverified)
    if any(finding.category != "age_statement" for finding in findings):
        author = replace(author, messages=author.messages + 1)
    state = _put(state, author)
    if others is not None and others.age:
        state = _state_others(state, message, others)
    state = replace(
        state,
        count=count,
        question_by=asked.question_by,
        question_at=asked.question_at,
        question_trial=asked.question_trial,
        asked_by=asked.asked_by,
        asked_at=asked.asked_at,
        asked_trial=asked.asked_trial,
        answered=asked.answered,
    )
    return latch(state, now_ms)


def _ask(state: Conversation, by: int, now_ms: int, *, trial: bool) -> Conversation:
    """The question for the age, asked (again): of everybody else, who may answer anew."""
    again = state.question_by == by
    counted = again and not state.question_trial and _is_open(state.question_at, now_ms)
    if not again:
        state = replace(
            state,
            asked_by=state.question_by,
            asked_at=state.question_at,
            asked_trial=state.question_trial,
        )
    return replace(
        state,
        question_by=by,
        question_at=now_ms,
        question_trial=trial and not counted,
        answered=tuple(key for key in state.answered if key == by),
    )


def _strengthen(
    person: Person, finding: Finding, count: int, now_ms: int, unverified: bool
) -> Person:
    """Evidence adds up as independent reasons do: 1 - (1 - a)(1 - b)."""
    index = CATEGORY_INDEX[finding.category]
    before = next((s for s in person.strengths if s.category == index), None)
    solid_at = now_ms if finding.weight >= w.SOLID else 0
    if before is None:
        strength = Strength(
            index, finding.weight, now_ms, count, count, solid_at, finding.trial, unverified
        )
        return replace(person, strengths=(*person.strengths, strength))
    left = decayed(before, now_ms)
    if not solid_at or is_fresh(before, now_ms):
        solid_at = max(before.solid_at, solid_at)
    strength = Strength(
        index,
        round(1.0 - (1.0 - left) * (1.0 - finding.weight), 6),
        max(before.at, now_ms),
        before.first,
        count,
        solid_at,
        before.trial and finding.trial,
        before.unverified and unverified,
    )
    return replace(
        person, strengths=tuple(strength if s.category == index else s for s in person.strengths)
    )


def _state_others(state: Conversation, message: Message, finding: Finding) -> Conversation:
    """An age said of the other person, where it is clear who that is."""
    others = [p for p in state.people if p.key != message.author.key]
    if len(others) != 1:
        return state
    return _put(state, state_age(others[0], finding.age, trial=finding.trial))


# --- score ---------------------------------------------------------------------------------


def score(state: Conversation, person: int, now_ms: int | None = None) -> Score:
    """What `person`'s side of the conversation amounts to at `now_ms` (by default the state's)."""
    subject = person_of(state, person)
    if subject is None or not (subject.strengths or subject.patterns):
        return NO_SCORE
    now = state.now if now_ms is None else now_ms
    reviewed = _score(state, subject, now, with_trial=False)
    with_ages = with_trial_ages(state)
    whole = _score(with_ages, person_of(with_ages, person) or subject, now, with_trial=True)
    if LEVELS.index(whole.level) > LEVELS.index(reviewed.level):
        return whole._replace(trial=True)
    # An age on trial that speaks against a risk takes nothing off it.
    return reviewed if reviewed.points > whole.points else whole


def raised(
    before: Conversation | None, after: Conversation, author: int, now_ms: int
) -> list[tuple[Person, Score]]:
    """Who is at `review` now that a message showed its author to be under 18, others than that:
    who was asked for a picture says "I'm 13". And the author, where it showed a recipient to be.
    Empty for all messages that show nothing new of ages.
    """
    if before is None or before.people == after.people:
        return []
    shown = {p.key for p in after.people if _young(p) - _young(person_of(before, p.key), said=True)}
    if not shown:
        return []
    found: list[tuple[Person, Score]] = []
    for person in after.people:
        by = shown - {person.key} if person.key == author else shown & {author} - {person.key}
        if by and (person.strengths or person.patterns):
            result = _as_risk(person, score(after, person.key, now_ms))
            if result is not None:
                found.append((person, result))
    return found


def _young(person: Person | None, *, said: bool = False) -> frozenset[str]:
    """By what a person is shown to be under 18: `said` by whomever, or not by an adult of whom the
    platform knows more than their own word."""
    if person is None or (is_checked_adult(person) and not said):
        return frozenset()
    return frozenset(
        name
        for name, shows in (
            ("band", person.band in MINOR_BANDS),
            ("stated", is_under_age(person.stated_least)),
            ("trial", is_under_age(person.trial_least)),
        )
        if shows
    )


def _as_risk(person: Person, result: Score) -> Score | None:
    """The score as one of a risk to somebody else; `None` where it is none for `review`: a call
    for help is no risk to whoever hears it, and hides none."""
    if result.level != "review" or not result.steps:
        return None
    if result.pattern != "self_harm":
        return result
    asked = any(p.pattern == "minor_image_request" and not p.trial for p in person.patterns)
    return result._replace(pattern="minor_image_request") if asked else None


def _score(state: Conversation, subject: Person, now: int, *, with_trial: bool) -> Score:
    strengths = [s for s in subject.strengths if with_trial or not s.trial]
    left = {s.category: decayed(s, now) for s in strengths}
    parts: list[Part] = []
    for s in strengths:
        points = w.CATEGORY_POINTS[CATEGORIES[s.category]] * left[s.category]
        if points > 0:
            parts.append(Part(CATEGORIES[s.category], points))
    said = sum(part.points for part in parts)
    shown = [s for s in strengths if left[s.category] >= w.PRESENT and _counts(s)]
    if len(shown) > 1:
        parts.append(Part("breadth", w.BREADTH_POINTS * (len(shown) - 1)))
    in_order = _stages_in_order(shown)
    if in_order:
        parts.append(Part("order", w.ORDER_POINTS * in_order))
    if subject.messages > 1 and said > 0:
        further = min(subject.messages - 1, w.PERSISTENCE_CAP)
        parts.append(Part("persistence", w.PERSISTENCE_POINTS * further * min(1.0, said)))
    others = [p for p in state.people if p.key != subject.key]
    minor = any(is_minor(p) for p in others)
    base = sum(part.points for part in parts)
    if base > 0:
        threat = sum(part.points for part in parts if part.name == "exposure_threat")
        parts += [
            Part(
                name, w.CONTEXT_FACTORS[name] * (base - threat if name in w.SPARE_THREATS else base)
            )
            for name in bearing(state, subject, others, minor, now)
        ]
    patterns = [p for p in subject.patterns if with_trial or not p.trial]
    lasting: list[Latched] = []
    for latched in patterns:
        days = max(0, now - latched.at) / _DAY
        points = w.COMPOSITE_POINTS * 0.5 ** (days / w.COMPOSITE_HALF_LIFE_DAYS)
        parts.append(Part(latched.pattern, points))
        if days <= w.COMPOSITE_HALF_LIFE_DAYS:
            lasting.append(latched)
    pattern = named(lasting)
    total = round(sum(part.points for part in parts), 4)
    across = minor and (known_adult(subject) or len(shown) >= w.CORE_BREADTH)
    core = any(
        CATEGORIES[s.category] in w.CORE
        or (across and CATEGORIES[s.category] in w.CORE_ACROSS_AGES)
        for s in shown
    )
    steps = len(shown) if core else 0
    level = _level(total, steps, subject.messages, pattern)
    return Score(
        level,
        total,
        tuple(Part(part.name, round(part.points, 4)) for part in parts),
        tuple(CATEGORIES[s.category] for s in strengths),
        pattern,
        unverified=bool(strengths) and all(s.unverified for s in strengths),
        minor_involved=minor,
        steps=steps,
        messages=subject.messages,
    )


def _counts(strength: Strength) -> bool:
    """Whether a category is a step of an approach; urgency, say, only colours others."""
    return STAGE_OF[CATEGORIES[strength.category]] is not None


def _level(points: float, categories: int, messages: int, pattern: Pattern | None) -> Level:
    if pattern is not None:
        return "review"
    if points >= w.REVIEW and categories >= w.REVIEW_CATEGORIES and messages >= w.REVIEW_MESSAGES:
        return "review"
    if points >= w.WATCH:
        return "watch"
    return "note" if points >= w.NOTE else "none"


def _stages_in_order(shown: Iterable[Strength]) -> int:
    """The stages shown (later) after an earlier stage was shown first."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for strength in shown:
        stage = STAGE_OF[CATEGORIES[strength.category]]
        if stage is not None:
            place = STAGES.index(stage)
            first[place] = min(first.get(place, strength.first), strength.first)
            last[place] = max(last.get(place, strength.last), strength.last)
    return sum(
        any(earlier < place and first[earlier] < last[place] for earlier in first)
        for place in first
    )
