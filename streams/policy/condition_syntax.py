"""The grammar of conditions, checked before an engine sees one, so that a slip is named in words
of the policy's rather than of a parser's.

It is CEL's (the grammar of its language definition) for the tokens that conditions have. What
passes may still be refused for its names and types.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from streams.policy.condition_text import COMPARISONS, Token, UnreadableCondition

_JOINING = COMPARISONS | {"&&", "||"}
_SPELLED = {"and": "&&", "or": "||", "not": "!", "is": "==", "equals": "==", "xor": "!="}


class _Open(NamedTuple):
    kind: Literal["(", "call", "[", "?"]
    at: int


def check_syntax(tokens: Sequence[Token], end: int) -> None:
    """Raises `UnreadableCondition` for tokens that are no expression; `end` is where they end."""
    opened: list[_Open] = []
    before: Token | None = None
    whole = False  # whether what stands before is a whole value
    for token in tokens:
        whole = _joined(token, before, opened) if whole else _begun(token, before, opened)
        before = token
    if before is None:
        raise UnreadableCondition(0, "is empty: leave `when` out to match every signal of the type")
    if not whole:
        raise UnreadableCondition(end, f"ends after {_shown(before)}, where a value is missing")
    if opened:
        raise UnreadableCondition(opened[-1].at, _unclosed(opened[-1]))


def _begun(token: Token, before: Token | None, opened: list[_Open]) -> bool:
    """Whether a token where a value is due is one, whole; else it begins one."""
    text = token.text
    if token.kind in ("string", "number"):
        return True
    if token.kind == "name" and text != "in":
        if text.lower() == "not":
            raise UnreadableCondition(token.at, f"write ! for {text}")
        return True
    if text == "(" or text == "[":
        opened.append(_Open(text, token.at))
        return False
    if text in ("!", "-"):
        return False
    within = opened[-1].kind if opened else None
    last = before.text if before is not None and before.kind == "operator" else ""
    if (text == ")" and within == "call" and last == "(") or (
        text == "]" and within == "[" and last in ("[", ",")
    ):
        opened.pop()
        return True
    after = f" after {_shown(before)}" if before is not None else ""
    raise UnreadableCondition(
        token.at, f"a value is missing{after}: a name, a word, a number or (, not {_shown(token)}"
    )


def _joined(token: Token, before: Token | None, opened: list[_Open]) -> bool:
    """Whether a token after a whole value leaves it one; else it asks for another."""
    text = token.text
    within = opened[-1].kind if opened else None
    if token.kind == "name":
        if text == "in":
            return False
        if (sign := _SPELLED.get(text.lower())) is not None:
            raise UnreadableCondition(token.at, f"write {sign} for {text}")
    elif token.kind == "operator":
        if text in _JOINING:
            return False
        if text == "?":
            if within == "?":
                raise UnreadableCondition(token.at, "put a ?: within another into ( )")
            opened.append(_Open("?", token.at))
            return False
        if text == ":":
            if within != "?":
                raise UnreadableCondition(token.at, "':' needs a '?' before it: if ? then : else")
            opened.pop()
            return False
        if text == "(" and before is not None and before.kind == "name":
            opened.append(_Open("call", token.at))
            return False
        if text in (")", "]"):
            return _closed(token, opened)
        if text == ",":
            if within not in ("call", "["):
                raise UnreadableCondition(
                    token.at, "',' stands between the words of a list only: write && or ||"
                )
            return False
        if text == "[":
            raise UnreadableCondition(token.at, 'a list has no index: write "word" in it')
        if text == "-":
            raise UnreadableCondition(token.at, "'-' cannot stand here: there is no arithmetic")
    raise UnreadableCondition(
        token.at, f"an operator such as && or == is missing before {_shown(token)}"
    )


def _closed(token: Token, opened: list[_Open]) -> bool:
    if not opened:
        raise UnreadableCondition(token.at, f"{token.text!r} closes nothing")
    last = opened[-1]
    if last.kind == "?":
        raise UnreadableCondition(last.at, _unclosed(last))
    if (last.kind == "[") != (token.text == "]"):
        missing = "]" if last.kind == "[" else ")"
        raise UnreadableCondition(token.at, f"{missing!r} is missing before {token.text!r}")
    opened.pop()
    return True


def _unclosed(last: _Open) -> str:
    if last.kind == "?":
        return "'?' needs a ':' after it: if ? then : else"
    return f"{'[' if last.kind == '[' else '('!r} is never closed"


def _shown(token: Token) -> str:
    return f'"{token.text}"' if token.kind == "string" else repr(token.text)
