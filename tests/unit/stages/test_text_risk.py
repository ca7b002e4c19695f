import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from matchers.language.state import decode
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Recipient
from streams.contracts.signal import Signal, TextRisk, UserReport
from streams.contracts.stage import StateKey, StateValue, state_key
from streams.contracts.values import AgeBand, EventKind
from streams.stages.text_risk import build_text_risk, conversation_key

STAGE = build_text_risk()
START = 1_700_000_000_000
SAID = [
    "hello there",
    "how old are you?",
    "13",
    "I'm 13",
    "you are so mature for your age",
    "are your parents home?",
    "don't tell your mum",
    "keep this between us",
    "add me on snapchat",
    "send me a pic of you",
    "see you at practice tomorrow",
    "I'll buy you a new phone",
    "pay me 200 dollars or everyone will see",
]


def envelope(
    number: int,
    text: str | None,
    *,
    author: str = "a",
    band: AgeBand = "unknown",
    recipients: Sequence[tuple[str, AgeBand]] = (),
    conversation: str | None = "c",
    kind: EventKind = "created",
    event_id: str | None = None,
) -> Envelope:
    return Envelope(
        event=ContentEvent(
            event_id=event_id or f"e{number}",
            tenant="t",
            kind=kind,
            occurred_at=datetime.fromtimestamp(START / 1000, UTC),
            content_id=f"c{number}",
            surface="message",
            author=Author(id=author, age_band=band),
            recipients=[Recipient(id=id_, age_band=b) for id_, b in recipients],
            conversation_id=conversation,
            text=text,
        ),
        received_at=START + number * 60_000,
    )


def play(
    envelopes: Sequence[Envelope], cuts: Sequence[int] = ()
) -> tuple[list[list[Signal]], dict[StateKey, bytes]]:
    """Run the stage over batches cut at `cuts`, with a store that holds what it saved."""
    stored: dict[StateKey, bytes] = {}
    signals: list[list[Signal]] = []
    bounds = [0, *sorted({cut for cut in cuts if 0 < cut < len(envelopes)}), len(envelopes)]
    for start, end in itertools.pairwise(bounds):
        batch = envelopes[start:end]
        keys = STAGE.keys(batch)
        result = STAGE.run(batch, {key: StateValue(stored.get(key)) for key in keys})
        assert set(result.changes) <= set(keys)
        for key, value in result.changes.items():
            assert value is not None
            stored[key] = value
        signals += [out.signals for out in result.batch]
        assert [out.event.event_id for out in result.batch] == [e.event.event_id for e in batch]
    return signals, stored


def risks(signals: Sequence[Sequence[Signal]]) -> list[TextRisk]:
    return [s for found in signals for s in found if isinstance(s, TextRisk)]


MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(SAID),
        st.sampled_from("ab"),
        st.sampled_from(["c", "d", None]),
        st.sampled_from(["created", "created", "edited", "user_report"]),
        st.integers(0, 12),
    ),
    max_size=16,
)


@given(MESSAGES, st.lists(st.integers(0, 16), max_size=6))
@settings(max_examples=150, deadline=None)
def test_batches_do_not_matter(
    messages: list[tuple[str, str, str | None, EventKind, int]], cuts: list[int]
) -> None:
    envelopes = [
        envelope(
            number,
            text,
            author=author,
            band="adult" if author == "a" else "13_15",
            recipients=[("b", "13_15")] if author == "a" else [("a", "adult")],
            conversation=conversation,
            kind=kind,
            event_id=f"e{event}",
        )
        for number, (text, author, conversation, kind, event) in enumerate(messages)
    ]
    whole = play(envelopes)
    assert play(envelopes, cuts) == whole
    assert play(envelopes, range(len(envelopes))) == whole


def test_an_approach_is_reviewed_and_its_text_dropped() -> None:
    batch = [
        envelope(i, text, band="adult", recipients=[("b", "13_15")])
        for i, text in enumerate(
            ["hi", "how old are you?", "are your parents home?", "don't tell your mum"]
        )
    ]
    result = STAGE.run(batch, {})
    assert [out.event.text for out in result.batch] == [None] * 4
    assert all(out.scans_performed == ["text"] for out in result.batch)
    assert batch[0].event.text == "hi"
    last = next(s for s in result.batch[-1].signals if isinstance(s, TextRisk))
    assert last.level == "review"
    assert last.minor_involved
    assert not last.on_trial
    hit = last.hits[0]
    assert (hit.indicator, hit.start, hit.end) == ("en.secrecy.dont_tell", 0, 19)
    assert abs(sum(part.value for part in last.parts) - last.score) < 0.01


def test_the_childs_warning_is_not_the_offence() -> None:
    signals, _ = play(
        [
            envelope(1, "how old are you?", author="stranger"),
            envelope(2, "don't tell your mum", author="stranger"),
            envelope(
                3, "a guy asked me how old are you and said don't tell your mum", author="kid"
            ),
            envelope(4, "never send a pic to someone who asks", author="kid"),
        ]
    )
    assert not risks(signals[2:])


def test_ordinary_talk_loads_no_sender_and_writes_nothing() -> None:
    batch = [envelope(i, "see you at practice tomorrow") for i in range(50)]
    assert {key.scope for key in STAGE.keys(batch)} == {"conversation"}
    result = STAGE.run(batch, {})
    assert not result.changes
    assert not any(out.signals for out in result.batch)


def test_a_withheld_text_is_dropped_unread() -> None:
    sent = envelope(1, "how old are you? don't tell your mum")
    sent.scans_withheld.append("text")
    assert not STAGE.keys([sent])
    result = STAGE.run([sent], {})
    assert result.batch[0].event.text is None
    assert result.batch[0].scans_performed == []
    assert not result.batch[0].signals
    assert not result.changes


def test_a_withheld_report_is_noted_but_its_text_unread() -> None:
    sent = envelope(1, "how old are you? don't tell your mum", kind="user_report")
    sent.scans_withheld.append("text")
    result = STAGE.run([sent], {})
    assert [type(signal) for signal in result.batch[0].signals] == [UserReport]
    assert result.batch[0].scans_performed == []


def encrypted(number: int, *indicators: str) -> Envelope:
    sent = envelope(number, None, band="adult", recipients=[("b", "13_15")])
    sent.event = replace(sent.event, encrypted=True, client_indicators=list(indicators))
    return sent


def test_a_clients_indicators_are_scored_and_marked_unverified() -> None:
    signals, _ = play(
        [
            encrypted(1, "en.age_question.how_old", "xx.unknown"),
            encrypted(2, "en.isolation.guardians_home"),
            encrypted(3, "en.secrecy.dont_tell"),
        ]
    )
    last = next(s for s in risks(signals[2:]) if s.scope == "conversation")
    assert last.level == "review"
    assert last.unverified
    assert [hit.view for hit in last.hits] == ["client"]


def test_an_event_without_text_passes_through() -> None:
    sent = envelope(1, None)
    assert STAGE.run([sent], {}).batch[0] is sent
    assert not STAGE.keys([sent])


def test_a_repeated_event_adds_no_evidence() -> None:
    once, state = play([envelope(1, "don't tell your mum", event_id="e")])
    twice, again = play(
        [
            envelope(1, "don't tell your mum", event_id="e"),
            envelope(2, "don't tell your mum", event_id="e"),
        ]
    )
    assert risks(once) == risks(twice)
    assert state == again


def test_a_report_is_noted_and_raises_the_conversation() -> None:
    report = envelope(1, None, author="b", band="13_15", kind="user_report")
    signals, state = play([report])
    assert signals == [[UserReport(reporter_age_band="13_15")]]
    said = envelope(2, "don't tell your mum")
    with_report = risks(play([report, said])[0])[0]
    without = risks(play([said])[0])[0]
    assert with_report.score > without.score
    assert state


def test_sextortion_in_one_message() -> None:
    found = risks(play([envelope(1, "pay me 200 dollars or everyone will see your pics")])[0])
    assert found[0].level == "review"
    assert found[0].pattern == "sextortion"


def test_without_a_conversation_the_pair_is_one() -> None:
    one = envelope(1, "hi", conversation=None, recipients=[("b", "unknown")])
    other = envelope(1, "hi", conversation=None, recipients=[("x", "unknown")])
    post = envelope(1, "don't tell your mum", conversation=None)
    assert conversation_key(one.event) != conversation_key(other.event)
    assert conversation_key(post.event) is None
    result = STAGE.run([post], {})
    assert not [key for key in result.changes if key.scope == "conversation"]


IDS = st.text("a>:1", min_size=1, max_size=4)


@given(st.lists(st.tuples(IDS, IDS, IDS | st.none()), min_size=2, max_size=2))
def test_no_two_conversations_share_a_key(ids: list[tuple[str, str, str | None]]) -> None:
    places = [(c,) if c is not None else (a, b) for a, b, c in ids]
    one, other = (
        conversation_key(
            envelope(1, "hi", author=a, conversation=c, recipients=[(b, "unknown")]).event
        )
        for a, b, c in ids
    )
    assert (one == other) == (places[0] == places[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a>b", "c", None), ("a", "b>c", None)), (("x", "y", ">a>c"), ("a", "c", None))],
)
def test_a_pair_has_a_key_of_its_own(
    one: tuple[str, str, str | None], other: tuple[str, str, str | None]
) -> None:
    keys = {
        conversation_key(
            envelope(1, "hi", author=a, conversation=c, recipients=[(b, "unknown")]).event
        )
        for a, b, c in (one, other)
    }
    assert len(keys) == 2


def test_the_key_of_a_conversation_with_an_id_is_as_it_was() -> None:
    """A change of it orphans stored states."""
    assert conversation_key(envelope(1, "hi").event) == StateKey("conversation", "1:tc")


def test_self_harm_does_not_hide_sextortion() -> None:
    told = [
        envelope(1, "i want to kill myself"),
        envelope(2 * 24 * 60, "send me 200 or i post your pics"),
    ]
    first, second = risks(play(told)[0])
    assert first.pattern == "self_harm"
    assert second.pattern == "sextortion"


def test_an_age_in_a_language_on_trial_decides_no_signal_alone() -> None:
    said = [envelope(1, "ik ben 15", author="b"), envelope(2, "send me a pic", author="a")]
    (asked,) = risks(play(said)[0])
    assert (asked.level, asked.pattern, asked.on_trial) == ("review", "minor_image_request", True)
    (counted,) = risks(play([envelope(1, "i'm 15", author="b"), said[1]])[0])
    assert (counted.level, counted.on_trial) == ("review", False)


def test_an_age_in_a_language_on_trial_takes_nothing_off() -> None:
    approach = ["how old are you?", "are your parents home?", "don't tell your mum", "send a pic"]
    english = [envelope(10 + n, text) for n, text in enumerate(approach)]
    ages = [
        envelope(1, "ich bin 30", author="a", recipients=[("b", "adult")]),
        envelope(2, "ich bin 30", author="b", recipients=[("a", "unknown")]),
    ]
    alone = risks(play(english)[0])
    after = risks(play([*ages, *english])[0])
    assert [s.level for s in after] == [s.level for s in alone]
    assert not any(s.on_trial for s in after)


def test_a_sender_of_many_like_openings_is_seen() -> None:
    signals, stored = play(
        [
            envelope(
                i,
                "hey there new friend, how old are you? don't tell your mum that we talk ok",
                band="adult",
                recipients=[(f"kid{i}", "13_15")],
                conversation=f"c{i}",
            )
            for i in range(12)
        ]
    )
    senders = [s for s in risks(signals) if s.scope == "sender"]
    assert senders[-1].level == "review"
    assert {part.name for part in senders[-1].parts} == {"recipients", "minors", "alike_openings"}
    key = state_key("sender", "t", "a")
    assert len(stored[key]) < 600


@pytest.mark.parametrize("adults", [7, 8, 20, 64, 100])
@pytest.mark.parametrize("child_first", [True, False])
def test_where_a_child_is_among_many_recipients_hides_no_child(
    adults: int, child_first: bool
) -> None:
    def sent(*, child_first: bool) -> list[TextRisk]:
        people: list[tuple[str, AgeBand]] = [(f"r{i}", "adult") for i in range(adults)]
        people.insert(0 if child_first else adults, ("kid", "13_15"))
        text = "send me a pic or i will show everyone your pictures. send gift cards"
        signals, _ = play([envelope(1, text, band="adult", recipients=people)])
        return risks(signals)

    found = sent(child_first=child_first)
    assert {(risk.scope, risk.minor_involved) for risk in found} == {
        ("conversation", True),
        ("sender", True),
    }
    [first], [here] = (
        [risk for risk in each if risk.scope == "conversation"]
        for each in (sent(child_first=True), found)
    )
    assert (here.level, here.pattern, here.score) == (first.level, first.pattern, first.score)


@pytest.mark.parametrize("adults", [7, 8, 9, 12])
@pytest.mark.parametrize("late", [True, False])
def test_in_a_room_of_adults_who_write_no_child_is_forgotten(adults: int, late: bool) -> None:
    text = "send me a pic or i will show everyone your pictures. send gift cards"
    room: list[tuple[str, AgeBand]] = [(f"a{i}", "adult") for i in range(adults)]

    def event(number: int, author: str, *, child: bool) -> Envelope:
        people = [person for person in room if person[0] != author]
        if child:
            people.append(("kid", "13_15"))
        return envelope(number, text, author=author, band="adult", recipients=people)

    writers = ["a0", *(name for name, _ in room)]
    signals, _ = play(
        [event(n, author, child=n > 0 or not late) for n, author in enumerate(writers)]
    )
    assert all(risk.minor_involved for risk in risks(signals[1:]))


def test_what_other_partitions_saw_of_a_sender_counts() -> None:
    def seen(first: int) -> dict[StateKey, bytes]:
        return play(
            [
                envelope(
                    i,
                    "don't tell your mum about me and you",
                    band="adult",
                    recipients=[(f"kid{i}", "13_15")],
                    conversation=f"c{i}",
                )
                for i in range(first, first + 8)
            ]
        )[1]

    key = state_key("sender", "t", "a")
    last = envelope(
        30, "don't tell your mum about me and you", band="adult", recipients=[("kid30", "13_15")]
    )
    alone = risks([STAGE.run([last], {key: StateValue(seen(0)[key])}).batch[0].signals])
    joined = risks(
        [STAGE.run([last], {key: StateValue(seen(0)[key], (seen(10)[key],))}).batch[0].signals]
    )
    assert joined[-1].scope == alone[-1].scope == "sender"
    assert joined[-1].score > alone[-1].score


def test_a_platforms_catalogue_and_a_trial_language(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text(
        '{"language": "xx", "name": "Own", "reviewed": false, "indicators": [{"id": "xx.a",'
        '"category": "secrecy", "weight": 0.9, "source": "own", "phrases": ["blorp glorp"],'
        '"match": ["blorp glorp"]}]}'
    )
    said = envelope(1, "blorp glorp")
    trial = risks([build_text_risk([own]).run([said], {}).batch[0].signals])[0]
    trusted = risks([build_text_risk([own], trusted=["xx"]).run([said], {}).batch[0].signals])[0]
    assert (trial.level, trial.on_trial) == (trusted.level, True)
    assert not trusted.on_trial


def test_states_hold_no_text_and_no_ids() -> None:
    _, stored = play(
        [
            envelope(
                1, "don't tell your mum", author="alice-1234", recipients=[("bob-5678", "13_15")]
            )
        ]
    )
    for value in stored.values():
        for secret in (b"alice", b"bob", b"mum", b"tell"):
            assert secret not in value
    assert decode(next(v for k, v in stored.items() if k.scope == "conversation")) is not None


@pytest.mark.parametrize("text", ["", " ", "\ud800", "a" * 100_000])
def test_any_text_passes(text: str) -> None:
    assert STAGE.run([envelope(1, text)], {}).batch[0].event.text is None


DAMAGES = [
    lambda v: v[:10],
    lambda v: v[:3] + b"\xc1" + v[4:],
    lambda _: b"",
    lambda _: b"\x91\x63",
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_over_damaged_state_the_stage_decides_as_over_none(
    damage: Callable[[bytes], bytes],
) -> None:
    def said(first: int) -> list[Envelope]:
        return [
            envelope(first + n, text, band="adult", recipients=[(f"b{n}", "13_15")])
            for n, text in enumerate(SAID)
        ]

    _, stored = play(said(0))
    assert {key.scope for key in stored} == {"conversation", "sender"}
    keys = STAGE.keys(said(50))
    anew = STAGE.run(said(50), {key: StateValue(None) for key in keys})
    assert risks([out.signals for out in anew.batch])
    assert not anew.unreadable
    damaged = {key: StateValue(damage(value), (damage(value),)) for key, value in stored.items()}
    over = STAGE.run(said(50), damaged)
    assert [out.signals for out in over.batch] == [out.signals for out in anew.batch]
    assert over.changes == anew.changes
    assert set(over.unreadable) == set(stored)


BANDS: dict[str, AgeBand] = {"adult": "adult", "checked": "adult", "child": "13_15"}


def asked(author: str, other: str, text: str, number: int, *more: str, **changes: Any) -> Envelope:
    """A message of one to another; who is called `adult` or `child` is known to be one."""
    people = [(name, BANDS.get(name, "unknown")) for name in (other, *more)]
    band = BANDS.get(author, "unknown")
    said = envelope(number, text, author=author, band=band, recipients=people, **changes)
    if author == "checked":
        checked = replace(said.event.author, age_source="verified")
        said = replace(said, event=replace(said.event, author=checked))
    return said


PIC = "send me a pic of you"


@pytest.mark.parametrize("asker", ["a", "adult"])
def test_a_childs_age_completes_what_was_asked_before_it(asker: str) -> None:
    signals, _ = play(
        [
            asked(asker, "b", PIC, 1),
            asked("b", asker, "I'm 13", 2),
            asked("b", asker, "I'm 13, really", 3),
        ]
    )
    (raised,) = [risk for risk in risks(signals) if risk.level == "review"]
    assert raised in signals[1]
    assert (raised.of_other, raised.account_id) == (True, asker)
    assert (raised.pattern, raised.minor_involved) == ("minor_image_request", True)
    assert raised.hits == ()


@pytest.mark.parametrize(
    "before", ["I want to kill myself", "pay me 200 dollars or everyone will see your pics"]
)
def test_what_else_was_said_hides_no_completed_request(before: str) -> None:
    signals, _ = play(
        [asked("a", "b", before, 1), asked("a", "b", PIC, 2), asked("b", "a", "I'm 13", 3)]
    )
    (raised,) = [risk for risk in risks([signals[2]]) if risk.of_other]
    assert raised.minor_involved
    assert raised.pattern in ("minor_image_request", "sextortion")


def test_a_band_that_comes_with_the_recipient_raises_the_author() -> None:
    signals, _ = play(
        [
            asked("a", "b", "how old are you?", 1),
            asked("a", "b", PIC, 2),
            envelope(3, "please", author="a", recipients=[("b", "13_15")]),
            envelope(4, "ok", author="b", band="13_15", recipients=[("a", "unknown")]),
        ]
    )
    (raised,) = [risk for risk in risks(signals) if risk.level == "review"]
    assert raised in signals[2]
    assert not raised.of_other


def test_a_band_that_comes_with_the_author_raises_the_other() -> None:
    signals, _ = play(
        [
            asked("a", "b", "how old are you?", 1),
            asked("a", "b", PIC, 2),
            envelope(3, "ok", author="b", band="13_15", recipients=[("a", "unknown")]),
        ]
    )
    (raised,) = [risk for risk in risks(signals) if risk.level == "review"]
    assert (raised.of_other, raised.account_id) == (True, "a")
    assert raised in signals[2]


@pytest.mark.parametrize(
    "said",
    [
        [asked("a", "b", PIC, 1), asked("b", "a", "I'm 23", 2)],
        [asked("a", "b", PIC, 1), asked("b", "a", "my dog is 13", 2)],
        [asked("a", "b", PIC, 1), asked("b", "a", "I'm 13", 2, *"cdefg")],
        # An adult's lie makes no child a suspect, and nor does an adult's band.
        [asked("child", "adult", PIC, 1), asked("adult", "child", "I'm 15", 2)],
        [asked("a", "checked", PIC, 1), asked("checked", "a", "I'm 15", 2)],
        [asked("child", "b", PIC, 1), asked("b", "child", "I'm 15", 2)],
        [
            envelope(n, text, author="b", band="16_17", recipients=[("c", "16_17")])
            for n, text in enumerate(["how old are you?", "don't tell your mum"])
        ]
        + [
            envelope(3, "ok", author="c", band="adult", recipients=[("b", "16_17")]),
        ],
        # A call for help is no risk to a friend of 13.
        [asked("a", "b", "I want to kill myself", 1), asked("b", "a", "I'm 13", 2)],
    ],
)  # fmt: skip
def test_what_raises_nobody_else(said: list[Envelope]) -> None:
    signals, _ = play(said)
    assert not any(risk.of_other for risk in risks(signals))


@pytest.mark.parametrize("band", ["adult", "unknown"])
def test_one_adult_among_the_recipients_says_nothing_of_the_others(band: AgeBand) -> None:
    said = ["i want to see you on cam", "don't tell your parents about us", "keep this our secret"]
    signals, _ = play(
        [
            envelope(
                n, text, author="x", band="adult", recipients=[("y", band), ("kid", "unknown")]
            )
            for n, text in enumerate(said)
        ]
    )
    assert any(risk.level == "review" for risk in risks(signals))


def test_of_several_who_asked_the_author_is_raised_for_itself() -> None:
    """By a recipient's band; the others are, by their own next message."""
    said = [
        asked(author, "x", text, number)
        for number, (author, text) in enumerate(
            (author, text) for author in "da" for text in ("how old are you?", PIC)
        )
    ]
    signals, _ = play([*said, asked("a", "child", "please", 9)])
    assert [risk.of_other for risk in risks([signals[-1]]) if risk.level == "review"] == [False]


def test_a_checked_adults_age_completes_nothing_of_what_a_child_asks() -> None:
    said = [
        asked("child", "checked", PIC, 1),
        asked("checked", "child", "I'm 15", 2),
        asked("child", "checked", PIC, 3),
    ]
    assert not any(risk.pattern for risk in risks(play(said)[0]))


def test_who_poses_as_a_minor_to_the_platform_too_is_seen() -> None:
    said = envelope(1, f"I'm 14, {PIC}", author="a", band="13_15", recipients=[("child", "13_15")])
    (found,) = risks(play([said])[0])
    assert found.pattern == "minor_image_request"


@given(
    st.lists(
        st.tuples(st.sampled_from(SAID), st.sampled_from(["a", "adult", "child", "b"])), max_size=12
    )
)
@settings(max_examples=150, deadline=None)
def test_nobody_known_as_a_child_is_raised_by_others(
    said: list[tuple[str, str]],
) -> None:
    signals, _ = play(
        [
            asked(author, "child" if author == "adult" else "adult", text, number)
            for number, (text, author) in enumerate(said)
        ]
    )
    found = [
        (said[n][1], risk) for n, of in enumerate(signals) for risk in risks([of]) if risk.of_other
    ]
    assert all(risk.level == "review" and risk.minor_involved for _, risk in found)
    assert all(risk.account_id not in ("child", author) for author, risk in found)


def test_whoever_is_not_named_as_recipient_is_raised_without_a_name() -> None:
    signals, _ = play(
        [
            envelope(1, "send me a pic of you", author="a"),
            envelope(2, "I'm 13", author="b"),
        ]
    )
    (raised,) = [risk for risk in risks(signals) if risk.of_other]
    assert (raised.level, raised.account_id) == ("review", None)


ASK = "how old are you?"


def talked(*said: str) -> list[TextRisk]:
    """What is raised in a talk between `a` and `b`, of messages such as `a: hi`."""
    return risks(
        play(
            [
                asked(text[0], "b" if text[0] == "a" else "a", text[3:], number)
                for number, text in enumerate(said)
            ]
        )[0]
    )


@pytest.mark.parametrize(
    "back",
    ["29. how old are you?", "29. and you? how old are you?", "29, you?", "29 and you?", "29 wbu",
     "29 u", "im 29, and you?", "im 29"],
)  # fmt: skip
def test_an_answer_may_ask_back(back: str) -> None:
    """Also where both asked: each question waits for the other's answer."""
    found = talked(f"b: {ASK}", f"a: {ASK}", f"a: {back}", "b: 13", f"a: {PIC}")
    assert found[-1].pattern == "minor_image_request"
    if back != "im 29":
        found = talked(f"b: {ASK}", f"a: {back}", "b: thirteen", f"a: {PIC}")
        assert found[-1].pattern == "minor_image_request"


@pytest.mark.parametrize("number", ["10", "ten", "ok 10", "12 in june", "no. 12", "its 12 here"])
@pytest.mark.parametrize("answer", ["27", "im 27", "twenty", "27 wbu"])
def test_whoever_answered_is_not_asked_by_the_same_question_again(number: str, answer: str) -> None:
    said = [f"a: {ASK}", f"b: {answer}", "a: what time tomorrow?", f"b: {number}", f"a: {PIC}"]
    assert not any(risk.level == "review" for risk in talked(*said))
    asked_again = [*said[:3], f"a: {ASK}", "b: 12", f"a: {PIC}"]
    assert talked(*asked_again)[-1].level == "review"


@pytest.mark.parametrize(
    ("ask", "back"),
    [("¿cuántos años tienes?", "29, y tú?"), ("¿cuántos años tienes?", "tengo 29, ¿y tú?"),
     ("wie alt bist du?", "29 und du?"), ("quel âge as-tu ?", "29 et toi ?")],
)  # fmt: skip
def test_an_answer_asks_back_in_other_languages(ask: str, back: str) -> None:
    assert talked(f"b: {ask}", f"a: {back}", "b: 13", f"a: {PIC}")[-1].level == "review"


@pytest.mark.parametrize(
    "answer",
    ["almost 18", "im almost 18", "18 next month", "i turn 18 next month", "turning 18 soon",
     "casi 18", "bald 18", "bientôt 18", "почти 18", "18 soon", "eighteen next month", "18 in june",
     "18 pronto", "18 ans bientôt", "18 im mai", "18 w maju", "18 скоро", "そろそろ18", "明年18"],
)  # fmt: skip
def test_an_age_that_is_not_reached_is_a_childs(answer: str) -> None:
    assert talked(f"a: {ASK}", f"b: {answer}", f"a: {PIC}")[-1].level == "review"


@pytest.mark.parametrize(
    "answer",
    ["18", "18 lol bro wbu", "18 haha ok you?", "im 18 too lol wbu", "just 18 lol same bro",
     "18 turning 19 soon", "18 going on 19 next month", "just turned 18 this month"],
)  # fmt: skip
def test_eighteen_is_eighteen_whatever_follows(answer: str) -> None:
    assert not any(r.level == "review" for r in talked(f"a: {ASK}", f"b: {answer}", f"a: {PIC}"))


@pytest.mark.parametrize(
    "answer",
    ["13 lol haha bro u?", "13 lol btw same wbu", "13 yeah lol ok wbu", "13 lol same bro you?"],
)  # fmt: skip
def test_fillers_follow_an_age(answer: str) -> None:
    assert talked(f"a: {ASK}", f"b: {answer}", f"a: {PIC}")[-1].level == "review"


@pytest.mark.parametrize("age", ["72", "i'm 71", "im 74 years old", "72, and you?"])
def test_the_old_have_answered_too(age: str) -> None:
    said = [f"a: {ASK}", f"b: {age}", "a: lovely. when shall we meet?", "b: 11", f"a: {PIC}"]
    assert not any(risk.level == "review" for risk in talked(*said))


def test_a_checked_adults_lie_makes_no_child_a_suspect() -> None:
    said = [
        asked("child", "checked", ASK, 1),
        asked("checked", "child", "15", 2),
        asked("child", "checked", PIC, 3),
    ]
    assert not any(risk.level == "review" for risk in risks(play(said)[0]))


@pytest.mark.parametrize("others", [2, 7])
@pytest.mark.parametrize("itself", [False, True])
def test_a_room_of_adults_is_one_however_it_is_listed(others: int, itself: bool) -> None:
    people: list[tuple[str, AgeBand]] = [
        (f"p{n}", "adult") for n in range(0 if itself else 1, others + 1)
    ]
    signals, _ = play(
        [
            envelope(n, text, author="p0", band="adult", recipients=people)
            for n, text in enumerate([ASK, PIC, "keep this between us"])
        ]
    )
    assert not any(risk.level == "review" for risk in risks(signals))


@pytest.mark.parametrize("adults", [7, 8, 20])
def test_a_child_of_unknown_age_is_not_hidden_by_many_adults(adults: int) -> None:
    people: list[tuple[str, AgeBand]] = [(f"p{n}", "adult") for n in range(adults)]
    said = [ASK, "are your parents home", "don't tell your parents", PIC, "keep this our secret"]
    signals, _ = play(
        [
            envelope(n, text, author="x", band="adult", recipients=[*people, ("kid", "unknown")])
            for n, text in enumerate(said)
        ]
    )
    assert any(risk.level == "review" for risk in risks(signals))


def test_who_is_listed_beside_the_author_is_the_other_person() -> None:
    both: list[tuple[str, AgeBand]] = [("a", "unknown"), ("b", "unknown")]
    said = ["you are only 13", PIC]
    signals, _ = play(
        [envelope(n, text, author="a", recipients=both) for n, text in enumerate(said)]
    )
    assert risks(signals)[-1].level == "review"


@pytest.mark.parametrize(
    "no", ["не 15", "nie 15", "pas 15", "nao 15", "hindi 15", "不是15", "아니 15"]
)
def test_not_an_age_is_none(no: str) -> None:
    assert not any(risk.level == "review" for risk in talked(f"a: {ASK}", f"b: {no}", f"a: {PIC}"))


def test_in_a_group_each_answers_for_itself() -> None:
    said = [("a", ASK), ("b", "27"), ("c", "13"), ("a", PIC)]
    signals, _ = play([envelope(n, text, author=author) for n, (author, text) in enumerate(said)])
    assert risks(signals)[-1].pattern == "minor_image_request"
