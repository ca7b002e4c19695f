import gzip
import json
import os
import random
from pathlib import Path

import pytest

from matchers.language.catalogue import load
from matchers.language.corpora import CorpusError, Talk, Turn, read_jsonl, read_pan
from matchers.language.evaluation import judge, rate, report, report_benign, upper_bound
from matchers.language.indicators import IndicatorMatcher
from tests.conversations.disguises import DISGUISES
from tests.conversations.generate import conversations

MATCHER = IndicatorMatcher(load())
SEED = 20_261_126
PLAIN = report([judge(talk, MATCHER) for talk in conversations("families", SEED, 4)])


def test_the_tuning_families() -> None:
    result = report([judge(talk, MATCHER) for talk in conversations("families", SEED, 6)])
    assert result.recall.value >= 0.9
    assert result.precision.value >= 0.95
    assert result.sextortion.value >= 0.95


@pytest.mark.parametrize("name", DISGUISES)
def test_disguises_keep_nine_tenths_of_the_recall(name: str) -> None:
    hidden = report(
        [judge(talk, MATCHER) for talk in conversations("families", SEED, 4, DISGUISES[name])]
    )
    assert hidden.recall.value >= 0.9 * PLAIN.recall.value


def test_the_alarm_is_about_the_offender() -> None:
    verdicts = [judge(talk, MATCHER) for talk in conversations("families", SEED, 4)]
    result = report(verdicts)
    assert result.author_precision.value >= 0.95


@pytest.mark.skipif("SEAWALL_DATA" not in os.environ, reason="SEAWALL_DATA is not set")
def test_a_tenth_of_the_ordinary_talk_raises_no_alarm() -> None:
    talks = [
        talk
        for path in sorted((Path(os.environ["SEAWALL_DATA"]) / "benign").glob("*.jsonl.gz"))
        for talk in read_jsonl(path)
    ]
    sample = random.Random(SEED).sample(talks, len(talks) // 10)
    assert report_benign(judge(talk, MATCHER) for talk in sample).alarms == 0


def test_bounds_and_intervals() -> None:
    assert upper_bound(0, 12_000) == pytest.approx(3.0 / 12_000, rel=2e-3)
    assert upper_bound(1, 1000) == pytest.approx(4.744 / 1000, rel=1e-3)
    found = rate(9, 10)
    assert found.low == pytest.approx(0.596, abs=1e-3)
    assert found.high == pytest.approx(0.982, abs=1e-3)
    assert rate(0, 0).value == 0


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
