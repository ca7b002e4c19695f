"""Messages that are a bare number, as one answers a question for the age."""

import re
from collections.abc import Sequence

from matchers.language.hits import AGES, Hit

ANSWER_INDICATOR = "any.age_answer"
"""A message that is a bare number, as one answers a question for the age. It counts only then."""
ANSWER_LENGTH = 14
_ANSWER = re.compile(
    r"\W*(\d\d?)(?:\s?(?:yo|y|f|m|yrs|años|anos|ans|lat|лет|세|살|歳|岁))?"
    r"(?:\W+(?:and |y |et |und |e )?(?:u|you|wbu|hbu|tu|vc|toi|du|ty|ты|sen|kamu))?\W*",
    re.IGNORECASE,
)


def answer(text: str) -> Sequence[Hit] | None:
    """The age that the message is, if it is a bare number; no hit for what is no age."""
    found = _ANSWER.fullmatch(text)
    if found is None:
        return None
    age = int(found[1])
    if age not in AGES:
        return ()
    start, end = found.span(1)
    return (Hit(ANSWER_INDICATOR, "age_statement", "any", start, end, "raw", 0.5, age=age),)
