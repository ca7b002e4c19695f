import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from matchers.language.categories import CATEGORIES
from matchers.language.conversation import LEVELS, Score, advance, score
from matchers.language.state import (
    NUMBERS_CAP,
    PEOPLE_CAP,
    SEEN_CAP,
    AgeBand,
    AgeSource,
    Conversation,
    Finding,
    Message,
    Participant,
    decode,
    encode,
)

DAY = 86_400_000
START = 1_700_000_000_000
WEIGHTS = st.floats(0.05, 1.0)
FINDINGS = st.builds(
    Finding,
    st.sampled_from(CATEGORIES),
    WEIGHTS,
    trial=st.booleans(),
    age=st.integers(8, 60),
    about_other=st.booleans(),
    answer=st.just(False),
)
STEPS = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.lists(FINDINGS, max_size=2, unique_by=lambda f: f.category),
        st.integers(0, 3 * DAY),
    ),
    max_size=10,
)
BANDS: dict[int, AgeBand] = {1: "adult", 2: "13_15"}


def message(
    number: int, author: int, findings: list[Finding], band: AgeBand = "unknown"
) -> Message:
    other = 3 - author
    return Message(number, Participant(author, band), (Participant(other),), 1, tuple(findings))


def play(steps: list[tuple[int, list[Finding], int]]) -> Conversation | None:
    state, now = None, START
    for number, (author, findings, wait) in enumerate(steps, start=1):
        now += wait
        state = advance(state, message(number, author, findings), now)
    return state


def level(result: Score) -> int:
    return LEVELS.index(result.level)


def says(*findings: tuple[str, float]) -> list[Finding]:
    return [Finding(category, weight) for category, weight in findings]  # pyright: ignore[reportArgumentType]


def is_evidence(finding: Finding) -> bool:
    """An adult's age is context, which may also speak against a risk (and so is, through it, a
    question that makes a bare number an age: `answer` is off here)."""
    return finding.category != "age_statement" or finding.age < 18


@given(STEPS, st.integers(0, 9), FINDINGS.filter(is_evidence))
@settings(max_examples=300)
def test_more_evidence_never_lowers_a_score(
    steps: list[tuple[int, list[Finding], int]], at: int, extra: Finding
) -> None:
    less = play(steps)
    if not steps or less is None:
        return
    at %= len(steps)
    author, findings, wait = steps[at]
    if any(f.category == extra.category for f in findings):
        return
    more = play([*steps[:at], (author, [*findings, extra], wait), *steps[at + 1 :]])
    assert more is not None
    # What begins earlier is no first contact any more.
    assume(more.started == less.started)
    end = max(less.now, more.now)
    for person in (1, 2):
        before, after = score(less, person, end), score(more, person, end)
        assert after.points >= before.points - 1e-3
        assert level(after) >= level(before)


@given(STEPS)
def test_a_score_is_the_sum_of_its_parts_and_survives_storage(
    steps: list[tuple[int, list[Finding], int]],
) -> None:
    state = play(steps)
    if state is None:
        return
    again = decode(encode(state))
    assert again == state
    for person in (1, 2):
        result = score(state, person)
        assert abs(result.points - sum(part.points for part in result.parts)) < 1e-2


@given(st.lists(FINDINGS, min_size=1, max_size=14, unique_by=lambda f: f.category))
def test_no_single_message_raises_review_but_for_the_exceptions(findings: list[Finding]) -> None:
    state = advance(None, message(1, 1, findings), START)
    if state is None:
        return
    result = score(state, 1)
    assert result.level != "review" or result.pattern is not None


def test_the_exceptions() -> None:
    def alone(*findings: Finding) -> Score:
        state = advance(None, message(1, 1, list(findings)), START)
        assert state is not None
        return score(state, 1)

    threat, demand = Finding("exposure_threat", 0.7), Finding("payment_demand", 0.7)
    assert alone(threat, demand).pattern == "sextortion"
    assert alone(threat).level != "review"
    assert alone(demand).level != "review"
    assert alone(Finding("exposure_threat", 0.1), demand).pattern is None
    asked = Finding("image_request", 0.8)
    assert alone(asked, Finding("age_statement", 0.6, age=13)).pattern == "minor_image_request"
    assert alone(asked, Finding("age_statement", 0.6, age=30)).pattern is None
    assert alone(Finding("self_harm", 0.7)).pattern == "self_harm"


def test_a_threat_and_a_demand_far_apart_are_not_one_act() -> None:
    state = advance(None, message(1, 1, says(("exposure_threat", 0.8))), START)
    late = advance(state, message(2, 1, says(("payment_demand", 0.8))), START + 3 * DAY)
    assert late is not None
    assert score(late, 1).pattern is None


def test_a_clock_years_ahead_completes_and_answers_nothing() -> None:
    ahead = START + 70 * 365 * DAY
    state = advance(None, message(1, 1, says(("exposure_threat", 0.8))), ahead)
    state = advance(state, message(2, 1, says(("payment_demand", 0.8))), START)
    assert state is not None
    assert score(state, 1, START).pattern is None
    state = advance(state, message(3, 1, says(("exposure_threat", 0.8))), START)
    assert state is not None
    assert score(state, 1, START).pattern == "sextortion"
    answer = [Finding("age_statement", 0.5, age=13, answer=True)]
    state = advance(None, message(1, 1, says(("age_question", 0.6))), ahead)
    answered = advance(state, message(2, 2, answer), START)
    assert answered is not None
    assert not score(answered, 1, START).minor_involved


def test_messages_a_little_out_of_order_are_one_act() -> None:
    state = advance(None, message(1, 1, says(("exposure_threat", 0.8))), START + 5_000)
    state = advance(state, message(2, 1, says(("payment_demand", 0.8))), START)
    assert state is not None
    assert score(state, 1).pattern == "sextortion"
    answer = [Finding("age_statement", 0.5, age=13, answer=True)]
    state = advance(None, message(1, 1, says(("age_question", 0.6))), START + 5_000)
    state = advance(state, message(2, 2, answer), START)
    assert state is not None
    assert score(state, 1).minor_involved


def test_a_bare_number_after_a_question_on_trial_is_on_trial() -> None:
    asked = [Finding("age_question", 0.6, trial=True)]
    answer = [Finding("age_statement", 0.5, age=13, answer=True)]
    request = says(("image_request", 0.8))
    state = advance(None, message(1, 1, asked), START)
    state = advance(advance(state, message(2, 2, answer), START), message(3, 1, request), START)
    assert state is not None
    assert (score(state, 1).level, score(state, 1).trial) == ("review", True)


def test_of_several_patterns_the_first_in_order_is_named() -> None:
    harm, extortion = (
        says(("self_harm", 0.8)),
        says(("exposure_threat", 0.8), ("payment_demand", 0.8)),
    )
    for first, second in ((harm, extortion), (extortion, harm)):
        state = advance(None, message(1, 1, first), START)
        state = advance(state, message(2, 1, second), START + 2 * DAY)
        assert state is not None
        assert score(state, 1).pattern == "sextortion"


def test_a_pattern_on_trial_hides_none_that_is_not() -> None:
    extortion = [
        Finding("exposure_threat", 0.8, trial=True),
        Finding("payment_demand", 0.8, trial=True),
    ]
    state = advance(None, message(1, 1, extortion), START)
    state = advance(state, message(2, 1, says(("self_harm", 0.8))), START + DAY)
    assert state is not None
    assert score(state, 1).pattern == "self_harm"


def test_who_asks_and_who_answers_are_told_apart() -> None:
    steps = [(1, says(("age_question", 0.6)), 0), (1, says(("secrecy", 0.8)), 60_000)]
    steps += [(1, says(("isolation", 0.8)), 60_000), (2, says(("flattery", 0.4)), 60_000)]
    state = play(steps)
    assert state is not None
    assert level(score(state, 1)) > level(score(state, 2))


def test_an_approach_reaches_review_and_fades() -> None:
    state: Conversation | None = None
    for number, step in enumerate([("age_question", 0.6), ("isolation", 0.8), ("secrecy", 0.8)]):
        state = advance(state, message(number + 1, 1, says(step), "adult"), START + number * 60_000)
    assert state is not None
    assert score(state, 1).level == "review"
    assert score(state, 1, START + 400 * DAY).level == "none"


def test_what_the_platform_knows_raises_the_score() -> None:
    findings = says(("secrecy", 0.8))
    unknown = advance(None, message(1, 1, findings), START)
    to_minor = Message(1, Participant(1, "adult"), (Participant(2, "13_15"),), 1, tuple(findings))
    known = advance(None, to_minor, START)
    assert unknown is not None
    assert known is not None
    assert score(known, 1).points > score(unknown, 1).points
    assert score(known, 1).minor_involved


def test_a_bare_number_is_an_age_only_as_an_answer() -> None:
    answer = [Finding("age_statement", 0.5, age=13, answer=True)]
    early = advance(None, message(1, 2, answer), START)
    late = advance(early, message(2, 1, says(("age_question", 0.6))), START + 60_000)
    assert late is not None
    assert not score(late, 1).minor_involved
    state = advance(None, message(1, 1, says(("age_question", 0.6))), START)
    state = advance(state, message(2, 2, answer), START + 60_000)
    assert state is not None
    assert score(state, 1).minor_involved


NUMBER = [Finding("age_statement", 0.5, age=13, answer=True)]


def test_a_number_from_before_the_question_is_no_answer_when_it_is_sent_again() -> None:
    number = message(1, 2, NUMBER)
    question = says(("age_question", 0.6))
    for earlier in ([], [message(7, 1, says(("flattery", 0.6)))]):
        state: Conversation | None = None
        for event in (*earlier, number, message(2, 1, question)):
            state = advance(state, event, START)
        assert advance(state, number, START + 60_000) is state
        # One that was not sent before is the answer.
        answered = advance(state, number._replace(event=9), START + 60_000)
        assert answered is not None
        assert score(answered, 1).minor_involved


@given(STEPS, st.lists(st.integers(0, 40 * DAY), max_size=20))
def test_numbers_before_a_conversation_is_remembered_change_nothing_in_it(
    steps: list[tuple[int, list[Finding], int]], numbers: list[int]
) -> None:
    before: Conversation | None = None
    for event, earlier in enumerate(numbers, start=1000):
        before = advance(before, message(event, event, NUMBER), START - earlier)
    after, alone, now = before, None, START
    for number, (author, findings, wait) in enumerate(steps, start=1):
        now += wait
        said = message(number, author, findings, BANDS[author])
        after, alone = advance(after, said, now), advance(alone, said, now)
    if alone is None:
        assert after is before
    else:
        assert after is not None
        assert replace(after, numbers=()) == alone


def test_numbers_push_out_no_evidence() -> None:
    first = message(1, 1, says(("secrecy", 0.8)))
    state = advance(None, first, START)
    for event in range(2, 200):
        state = advance(state, message(event, 2, NUMBER), START)
    assert state is not None
    assert len(state.numbers) <= NUMBERS_CAP
    assert advance(state, first, START) is state


def test_a_repeated_event_adds_nothing() -> None:
    first = message(1, 1, says(("secrecy", 0.8)))
    once = advance(None, first, START)
    assert advance(once, first, START + 1000) is once


def test_ordinary_messages_change_nothing() -> None:
    assert advance(None, message(1, 1, []), START) is None
    state = advance(None, message(1, 1, says(("secrecy", 0.8))), START)
    answered = advance(state, message(2, 2, []), START + 1000)
    assert answered is not state
    assert advance(answered, message(3, 2, []), START + 2000) is answered
    assert advance(answered, message(4, 1, []), START + 3000) is answered


def test_weak_evidence_is_none() -> None:
    assert advance(None, message(1, 1, says(("secrecy", 0.05))), START) is None


def test_a_conversation_is_bounded() -> None:
    state: Conversation | None = None
    for number in range(1, 600):
        findings = [Finding(category, 0.5, age=12) for category in CATEGORIES]
        state = advance(
            state,
            Message(number, Participant(number % 97 + 1), (), 0, tuple(findings)),
            START + number,
        )
    assert state is not None
    assert len(state.people) <= PEOPLE_CAP
    assert len(state.seen) <= SEEN_CAP
    assert len(encode(state)) < 8_000


def test_a_state_of_another_version_is_forgotten() -> None:
    state = advance(None, message(1, 1, says(("secrecy", 0.8))), START)
    assert state is not None
    assert decode(encode(replace(state, version=99))) is None


def test_a_state_from_before_ages_on_trial_were_kept_apart_is_read() -> None:
    state = advance(None, message(1, 1, says(("secrecy", 0.8))), START)
    assert state is not None
    stored = msgspec.msgpack.decode(encode(state))
    older = [
        [person[:10] for person in field] if n == 5 else field
        for n, field in enumerate(stored[:10])
    ]
    assert decode(msgspec.msgpack.encode(older)) == state


def test_a_childs_own_age_completes_no_request_of_its_own() -> None:
    request = [Finding("image_request", 0.6)]
    mine = [Finding("age_statement", 0.6, age=13)]

    def patterns(band: AgeBand, other: AgeBand, source: AgeSource) -> list[str | None]:
        state, found = None, []
        people = {1: Participant(1, band, source), 2: Participant(2, other)}
        for number, (key, said) in enumerate([(1, request), (1, mine), (1, request), (2, mine)]):
            to = (people[3 - key],)
            state = advance(state, Message(number, people[key], to, 1, tuple(said)), START)
            assert state is not None
            found.append(score(state, 1).pattern)
        return found

    for sure in (("13_15", "adult", "declared"), ("13_15", "unknown", "verified")):
        assert patterns(*sure) == [None, None, None, "minor_image_request"]
    for may_pose in (("unknown", "unknown", "declared"), ("13_15", "unknown", "declared")):
        assert patterns(*may_pose)[1] == "minor_image_request"
