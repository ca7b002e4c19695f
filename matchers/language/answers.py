"""Messages that are a bare number, as one answers a question for the age."""

import re
from collections.abc import Sequence

from matchers.language.hits import AGES, Hit

ANSWER_INDICATOR = "any.age_answer"
"""A message that is a bare number. It counts only after a question for the age."""

ANSWER_LENGTH = 24
"""Characters of the longest such message."""

_YEARS = (
    "yo|y|f|m|yrs?(?: old)?|years?(?: old)?|años?|anos?|anni|ans?|jahre?(?: alt)?|jaar(?: oud)?"
    "|lat(?:ka|ek)?|лет|год(?:а|ик|иков)?|yaş(?:ındayım|ında)?|yas(?:indayim|inda)?|t(?:ahu|h)n"
    "|taon(?:g gulang)?|miaka|साल(?: (?:का|की)(?: (?:हूं|हूँ))?)?|saal(?: k[ai](?: h(?:u|un|oon))?)?"
    "|سنوات|سنه|سنة|سنين|عاما|عام|세|살|歳|才|さい|岁|歲"
)
_POLITE = (
    "kak|ka|kaka|bang|om|mas|mbak|po|opo|kuya|ate|ji|bhai|bhaiya|didi|जी|भाई|sir|maam|miss|bro"
    "|です|ですよ|だよ|になります|이요|이에요|입니다|요|이야|了|哦|呢|啊|lol|haha|hehe"
)
_YOU = (
    "u|you|wbu|hbu|tu|vc|você|toi|vous|du|dir|jij|ty|tobie|ты|тебе|sen|sen kaç|kamu|ikaw|wewe"
    "|aap|tum|आप|तुम|انت|انتي|あなたは|너는|넌|你"
)
_AND = "and|y|e|et|und|en|a|i|а|и|ve|ya|dan|kalo|kalau|at|na|aur|और|و"
_ANSWER = re.compile(
    rf"\W*(\d\d?)\s?(?:{_YEARS})?\s?(?:{_POLITE})?"
    rf"(?:\W+(?:(?:{_AND})\s?)?(?:{_YOU})(?: (?:{_POLITE}))?)?(?:呢)?\W*",
    re.IGNORECASE,
)


def answer(text: str) -> Sequence[Hit] | None:
    """The age that the message is, if it is a bare number; no hit for what is no age.

    A unit, a polite ending (`13 kak`, `13です`) and the question back (`13, you?`) may follow.
    """
    found = _ANSWER.fullmatch(text)
    if found is None:
        return None
    age = int(found[1])
    if age not in AGES:
        return ()
    start, end = found.span(1)
    return (Hit(ANSWER_INDICATOR, "age_statement", "any", start, end, "raw", 0.5, age=age),)
