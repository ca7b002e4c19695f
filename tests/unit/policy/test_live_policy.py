"""A running worker's policy: taken whole or not at all."""

import logging

import msgspec
import pytest
from msgspec import UNSET

from streams.control.follow import ControlMessage
from streams.control.policy_change import KEY, PolicyChanged, UnreadChange, read_change
from streams.policy.live import LivePolicy
from streams.policy.load import default_policy
from tests.unit.policy.signals import event

SCANS = 'version = "%s"\n[[scan_basis]]\nscans = ["text"]\n'


def live(**options):
    taken, refused = [], []
    held = LivePolicy(
        default_policy(),
        on_taken=lambda policy: taken.append(policy.version),
        on_refused=lambda: refused.append(1),
        **options,
    )
    return held, taken, refused


def test_a_policy_is_taken_and_its_scan_basis_with_it():
    held, taken, _ = live()
    said = event(text="see you at practice")
    assert held.gate(said, 0)[0].text is None
    assert held.take(SCANS % "one", "t")
    assert held.policy.version.startswith("one+")
    assert held.gate(said, 0)[0].text == said.text
    assert taken == [held.policy.version]


def test_one_with_an_error_is_refused_by_name_and_the_one_before_stays(caplog):
    held, taken, refused = live()
    held.take(SCANS % "one", "t")
    with caplog.at_level(logging.ERROR):
        assert not held.take(SCANS % "two" + "rules = 3\n", "seawall.control@7")
    assert held.policy.version.startswith("one+")
    assert (len(taken), len(refused)) == (1, 1)
    assert held.refused is not None
    assert "seawall.control@7:2" in held.refused
    assert "one+" in caplog.text
    assert held.take(SCANS % "three", "t")
    assert held.refused is None


def test_staying_with_the_one_before_does_not_hide_that_the_newest_was_refused():
    held, taken, refused = live()
    assert not held.take("rules = 3\n", "seawall.control@7")
    assert held.stay_with(SCANS % "one", "seawall.control@7")
    assert held.policy.version.startswith("one+")
    assert (len(taken), len(refused)) == (1, 1)
    assert "seawall.control@7" in str(held.refused)
    assert not held.stay_with("rules = 4\n", "the one before")
    assert "the one before" in str(held.refused)
    assert "seawall.control@7" in str(held.refused)


def test_back_to_the_workers_own():
    held, _, _ = live()
    held.take(SCANS % "one", "t")
    assert held.take(None, "t")
    assert held.policy.version == default_policy().version


def test_lists_that_are_not_there_are_warned_of(caplog):
    held, _, refused = live(known_lists=lambda: {"a"})
    limits = '[[limits]]\nlist = "b"\nper_day = 1\n'
    with caplog.at_level(logging.WARNING):
        assert held.take('version = "1"\n' + limits, "t")
    assert "lists not in use: b" in caplog.text
    assert not refused


@pytest.mark.parametrize("text", [None, "version = '1'"])
def test_a_change_survives_the_topic_and_is_told_by_its_key(text):
    change = PolicyChanged(text=text, previous="before")
    value = msgspec.json.encode(change)
    assert read_change(KEY, value) == change
    assert read_change(b"list/a", value) is None
    assert read_change(b"list/a", None) is None
    assert read_change(KEY, None) == PolicyChanged(text=None), "deleted: each worker's own"
    assert msgspec.json.decode(value, type=ControlMessage) == change


@pytest.mark.parametrize(
    ("value", "previous"),
    [
        (b'{"type":"policy_changed","schema_version":2,"text":{},"previous":"a"}', "a"),
        (b'{"type":"policy_signed","by":["x"],"previous":null}', None),
        (b'{"type":"policy_changed","schema_version":2,"text":"b"}', UNSET),
        (b'{"type":"policy_changed","text":"b","previous":7}', UNSET),
        (b"[" * 100_000, UNSET),
        (b"{", UNSET),
        (b"null", UNSET),
        (b"\xff", UNSET),
        (b"", UNSET),
    ],
)
def test_of_a_change_that_cannot_be_read_the_policy_before_it_is(value, previous):
    change = read_change(KEY, value)
    assert isinstance(change, UnreadChange)
    assert change.previous == previous
    assert change.why
    if b"2" in value:
        assert "upgrade Seawall" in change.why
