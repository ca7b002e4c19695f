import gzip
import json
import os
import random
from pathlib import Path

import pytest

from matchers.language.catalogue import load
from matchers.language.corpora import (
    CorpusError,
    Talk,
    Turn,
    read_jsonl,
    read_pan,
    write_jsonl,
)
from matchers.language.disguise_generator import DISGUISES, disguised
from matchers.language.evaluation import judge, rate, report, report_benign, upper_bound
from matchers.language.grid import IN_FORCE, best, search
from matchers.language.indicators import IndicatorMatcher
from matchers.language.missed import lost
from matchers.language.readings import READINGS, read_as
from tests.conversations.generate import conversations

MATCHER = IndicatorMatcher(load())
SEED = 20_261_126
TUNING = list(conversations("families", SEED, 2))
VERDICTS = [judge(talk, MATCHER) for talk in TUNING]
PLAIN = report(VERDICTS)
LIMIT = 1e-4
"""Alarms in ordinary conversations that disguises may lead to, per conversation."""


def test_the_tuning_families() -> None:
    assert PLAIN.recall.value >= 0.9
    assert PLAIN.precision.value >= 0.95
    assert PLAIN.sextortion.value >= 0.95


@pytest.mark.parametrize("name", DISGUISES)
def test_disguises_keep_nine_tenths_of_the_recall(name: str) -> None:
    hidden = report([judge(disguised(talk, name, SEED), MATCHER) for talk in TUNING])
    assert hidden.recall.value >= 0.9 * PLAIN.recall.value
    assert hidden.precision.value >= 0.95


def test_the_alarm_is_about_the_offender() -> None:
    assert PLAIN.author_precision.value >= 0.95


def ordinary_tenth() -> list[Talk]:
    """A seeded tenth of the ordinary conversations."""
    talks = [
        talk
        for path in sorted((Path(os.environ["SEAWALL_DATA"]) / "benign").glob("*.jsonl.gz"))
        for talk in read_jsonl(path)
    ]
    return random.Random(SEED).sample(talks, len(talks) // 10)


NEEDS_DATA = pytest.mark.skipif("SEAWALL_DATA" not in os.environ, reason="SEAWALL_DATA is not set")


@NEEDS_DATA
def test_a_tenth_of_the_ordinary_talk_raises_no_alarm() -> None:
    """With evidence of all languages, on trial or not."""
    tenth = ordinary_tenth()
    for reading in ("as_given", "pairs"):
        assert report_benign(judge(t, MATCHER) for t in read_as(tenth, reading)).alarms == 0


@NEEDS_DATA
def test_a_tenth_of_the_ordinary_talk_disguised() -> None:
    """Each conversation under one disguise."""
    tenth = ordinary_tenth()
    names = random.Random(SEED).choices(list(DISGUISES), k=len(tenth))
    hidden = [disguised(talk, name, SEED) for talk, name in zip(tenth, names, strict=True)]
    assert report_benign(judge(t, MATCHER) for t in hidden).alarms <= max(1, LIMIT * len(tenth))


def test_bounds_and_intervals() -> None:
    assert upper_bound(0, 12_000) == pytest.approx(3.0 / 12_000, rel=2e-3)
    assert upper_bound(1, 1000) == pytest.approx(4.744 / 1000, rel=1e-3)
    found = rate(9, 10)
    assert found.low == pytest.approx(0.596, abs=1e-3)
    assert found.high == pytest.approx(0.982, abs=1e-3)
    assert rate(0, 0).value == 0


def test_an_alarm_that_anothers_age_completes_is_counted() -> None:
    lines = ["send me a pic of you", "I'm 13"]
    talk = Talk(
        "t", tuple(Turn("ab"[n], text, (n + 1) * 1000) for n, text in enumerate(lines)), "en", True
    )
    (alarm,) = judge(talk, MATCHER).alarms
    assert (alarm.author, alarm.message, alarm.pattern) == ("a", 2, "minor_image_request")


def test_a_verdict_counts_messages_and_causes() -> None:
    talk = Talk(
        "t",
        (
            Turn("a", "hi", 0, "adult", "b", "13_15"),
            Turn("a", "are your parents home?", 1000, "adult", "b", "13_15"),
            Turn("a", "don't tell your mum", 2000, "adult", "b", "13_15"),
        ),
        "en",
        True,
        frozenset("a"),
    )
    verdict = judge(talk, MATCHER)
    (alarm,) = verdict.alarms
    assert (alarm.author, alarm.message, alarm.categories) == ("a", 3, 2)
    found = report_benign([verdict])
    assert found.causes == {"en.isolation.guardians_home": 1, "en.secrecy.dont_tell": 1}


def line(**fields: str) -> bytes:
    return json.dumps({"conversation_id": "1", "author": "a", "text": "hi", **fields}).encode()


def test_jsonl_is_read_and_a_bad_line_is_named(tmp_path: Path) -> None:
    good = tmp_path / "a.jsonl.gz"
    rows = [
        {"conversation_id": "1", "author": "a", "text": "hi", "label": "risk", "offender": "a"},
        {"conversation_id": "1", "author": "b", "text": "yo"},
    ]
    good.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    (talk,) = read_jsonl(good)
    assert talk.label
    assert talk.offenders == {"a"}
    assert [turn.author for turn in talk.turns] == ["a", "b"]
    bad = tmp_path / "b.jsonl"
    bad.write_text(json.dumps(rows[0]) + "\n{\n")
    with pytest.raises(CorpusError, match=r"b\.jsonl: line 2"):
        read_jsonl(bad)
    with pytest.raises(CorpusError, match="cannot be read"):
        read_jsonl(tmp_path / "none.jsonl")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([b'{"conversation_id": "1", "author": "a", "text": "\xff"}'], ["line 1", "UTF-8"]),
        ([b'{"x": ' + b"[" * 100_000], ["line 1"]),
        ([line(), line(label="Risk")], ["line 2", "'Risk'", "risk or benign"]),
        ([line(label="risky")], ["line 1", "'risky'", "risk or benign"]),
        ([line(label="risk"), line(), line(label="benign")], ["line 3", "label", "line 1"]),
        ([line(offender="a"), line(offender="b")], ["line 2", "offender", "line 1"]),
        ([line(), line(label="risk", offender="z")], ["line 2", "offender writes no message"]),
    ],
)
def test_lines_that_would_be_counted_wrongly_are_refused(
    lines: list[bytes], words: list[str], tmp_path: Path
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b"\n".join(lines))
    with pytest.raises(CorpusError) as refused:
        read_jsonl(bad)
    for word in ["bad.jsonl", *words]:
        assert word in str(refused.value)


def test_the_label_counts_on_whichever_line_it_is(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(line() + b"\n" + line(label="risk", offender="a"))
    (talk,) = read_jsonl(file)
    assert (talk.label, talk.offenders) == (True, {"a"})


def test_a_compressed_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(b"\n".join([line()] * 100))[:-12])
    with pytest.raises(CorpusError, match=r"cut\.jsonl\.gz: line \d+: .*cut off"):
        read_jsonl(cut)


def test_pan_xml_is_read(tmp_path: Path) -> None:
    corpus = tmp_path / "c.xml"
    corpus.write_text(
        '<conversations><conversation id="x"><message line="1"><author>u1</author>'
        '<time>01:00</time><text>hi</text></message><message line="2"><author>u2</author>'
        "<time>01:01</time><text/>"
        '</message></conversation><conversation id="y"/></conversations>'
    )
    truth = tmp_path / "t.txt"
    truth.write_text("u2\nu9\n")
    first, second = read_pan(corpus, truth)
    assert (first.id, first.label, first.offenders) == ("x", True, {"u2"})
    assert second.label is False
    corpus.write_text('<!DOCTYPE a [<!ENTITY b "c">]><a/>')
    with pytest.raises(CorpusError, match="entities"):
        list(read_pan(corpus, truth))
    corpus.write_text('<?xml version="1.0" encoding="bogus"?><conversations/>')
    with pytest.raises(CorpusError, match=r"c\.xml: .*encoding"):
        list(read_pan(corpus, truth))
    truth.write_bytes(b"u2\n\xff\n")
    with pytest.raises(CorpusError, match=r"t\.txt: line 2: not UTF-8"):
        list(read_pan(corpus, truth))


def test_the_misses_are_told_apart() -> None:
    def talk(family: str, label: bool, *texts: str) -> Talk:
        turns = tuple(Turn("a", text, 1000 * number) for number, text in enumerate(texts))
        return Talk(family, turns, "en", label, frozenset("a" if label else ""), "p", family)

    found = lost(
        judge(t, MATCHER)
        for t in (
            talk("unseen", True, "nice weather", "yes"),
            talk("unraised", True, "how old are you?", "nice weather"),
            talk("weak", True, "never send me a pic of you"),
            talk("caught", True, "are your parents home?", "don't tell your mum"),
            talk("false", False, "are your parents home?", "don't tell your mum"),
            talk("quiet", False, "nice weather"),
        )
    )
    told = {one.family: one for one in found}
    assert list(told) == ["unseen", "unraised", "weak", "false"]
    assert (told["unseen"].unseen, told["unseen"].unraised) == (1, 0)
    assert told["unraised"].combinations == {"age_question": 1}
    assert (told["weak"].unseen, told["weak"].discounted) == (1, {"image_request": 1})
    assert "en.secrecy.dont_tell" in told["false"].causes


def test_the_grid_agrees_with_what_was_judged() -> None:
    unlabelled = [judge(t._replace(label=None), MATCHER) for t in TUNING[:20]]
    outcomes = search([*VERDICTS, *unlabelled])
    now = next(o for o in outcomes if o.thresholds == IN_FORCE)
    assert now.recall == PLAIN.recall
    assert now.precision == PLAIN.precision
    assert now.ordinary == sum(bool(v.alarms) for v in unlabelled)
    by = {o.thresholds: o for o in outcomes}
    for thresholds, outcome in by.items():
        stricter = by.get(thresholds._replace(categories=thresholds.categories + 1))
        assert stricter is None or stricter.recall.hits <= outcome.recall.hits
    chosen = best(outcomes)
    assert max(o.recall.hits for o in outcomes) == max(o.recall.hits for o in chosen)


def test_a_room_is_read_as_pairs_and_as_adults() -> None:
    says = [("ann", "hi all"), ("bob", "ann: hello"), ("ann", "Bob, how are you"), ("ann", "well?"),
            ("cy", "nobody: x"), ("cy", "ann: see 10: 30"), ("ann", "ann: myself")]  # fmt: skip
    room = Talk("r", tuple(Turn(a, t, n) for n, (a, t) in enumerate(says)))
    pairs = {
        t.id: [(x.author, x.recipient, x.text) for x in t.turns] for t in read_as([room], "pairs")
    }
    assert pairs == {
        "r/ann/bob": [
            ("bob", "ann", "hello"),
            ("ann", "bob", "how are you"),
            ("ann", "bob", "well?"),
            ("ann", "bob", "ann: myself"),
        ],
        "r/ann/cy": [("cy", "ann", "see 10: 30")],
    }
    alone = list(read_as([room], "adult_to_child"))
    assert [len(t.turns) for t in alone] == [4, 1, 2]
    assert {(x.age_band, x.recipient_age_band) for t in alone for x in t.turns} == {
        ("adult", "13_15")
    }
    assert len(READINGS) == 3


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "talks.jsonl"
    with path.open("wb") as out:
        write_jsonl(TUNING[:30], out)
    assert read_jsonl(path) == [t for t in TUNING[:30] if t.turns]
