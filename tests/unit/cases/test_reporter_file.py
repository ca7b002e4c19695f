"""What of a reporter's file cannot be used says why."""

from pathlib import Path

import pytest

from streams.cases.file import UnusableReporter, read_reporter


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("legal_url = " + "[" * 5000 + "]" * 5000, "nested too deeply for any field"),
        ("legal_url = " + "{a = " * 5000 + "1" + "}" * 5000, "nested too deeply for any field"),
        (".".join("a" * 5000) + " = 1", "line 1: a key has more than 16 parts"),
        ("legal_url = " + "9" * 5000, "digits"),
        ("legal_url = 'x'", "reporting_person"),
        ("\ufefflegal_url = 'x'", "reporting_person"),
    ],
    ids=["arrays", "tables", "key", "number", "missing", "byte order mark"],
)
def test_a_file_that_is_none_is_refused_in_words(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "reporter.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnusableReporter, match=why) as refused:
        read_reporter(path)
    assert str(path) in str(refused.value)
