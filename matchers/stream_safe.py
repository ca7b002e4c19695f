"""Bounded runs of combining marks, so that normalising a text takes no longer than its length.

Normal forms put the marks behind a letter in order, by insertion: 100,000 marks on one letter took
CPython 10 s of the interpreter's lock. Unicode Standard Annex #15, section 13 (Stream-Safe Text
Format) bounds a run at 30, more than any writing needs.
"""

import re
import unicodedata

MOST_MARKS = 30


def _runs_of_marks() -> re.Pattern[str]:
    # None stand above: the supplementary planes behind hold ideographs and tags.
    marks = [p for p in range(0x300, 0x20000) if unicodedata.combining(chr(p))]
    spans: list[list[int]] = []
    for point in marks:
        if spans and spans[-1][1] == point - 1:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    mark = "[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in spans) + "]"
    return re.compile(f"({mark}{{{MOST_MARKS}}}){mark}+")


_RUNS = _runs_of_marks()


def stream_safe(text: str) -> str:
    """The text without the marks that follow the 30th of a run."""
    return text if text.isascii() else _RUNS.sub(r"\1", text)
