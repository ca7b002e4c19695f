"""What the checker (`cel-expr-python`) says of a condition, in a policy's words.

Its messages are those of its C++ core: a parser's grammar rules and mangled operators. Grammar
and names are checked before it (`condition_syntax`, `condition_checks`); what is left are types.
"""

import re

_POSITION = re.compile(r"<input>:(\d+):(\d+): (.*)")
_OVERLOAD = re.compile(
    r"found no matching overload for '([^']+)' applied to '([^']*?)\.?\(([^']*)\)'"
)
_OPERATOR = re.compile(r"^[@_]*([^_@\w]+)[_?:]*$")
_TYPES = {
    "int": "a whole number",
    "uint": "a whole number",
    "double": "a number with a point",
    "string": "a word",
    "bool": "true or false",
    "null_type": "null",
    "dyn": "a value of any type",
    "list(string)": "a list of words",
}
_NUMBERS = ["double", "int"]


def in_own_words(error: str) -> tuple[str, int, int]:
    """The first of the checker's errors: what to say, the line from 0, and the column from 1 (0
    where it names no place)."""
    found = _POSITION.search(error)
    if found is None:
        first = error.splitlines()[0] if error.strip() else "the checker gives no reason"
        return _without_grammar(first), 0, 0
    line, column, message = int(found[1]), int(found[2]), found[3]
    mismatch = _OVERLOAD.search(message)
    return (_types(mismatch) if mismatch else _without_grammar(message)), line - 1, column


def _types(found: re.Match[str]) -> str:
    function, receiver, rest = found[1], found[2], found[3]
    types = [each for each in (receiver, *_split(rest)) if each]
    words = [_TYPES.get(each, "a list" if each.startswith("list") else each) for each in types]
    operator = _OPERATOR.match(function)
    if function == "_?_:_":
        name = "?:"
    elif function == "@in":
        name = "in"
    else:
        name = operator[1] if operator else function
    message = f"{name} cannot take {' and '.join(words) or 'nothing'}"
    if sorted(types) == _NUMBERS:
        return f"{message}: write the number like the variable's type, 3.0 or 3"
    if name in ("==", "!=", "<", "<=", ">", ">=") and len(types) == 2:
        return f"{message}: both sides must be of one type"
    if name in ("&&", "||", "!", "?:"):
        return f"{message}: compare it with something first"
    return message


def _split(types: str) -> list[str]:
    return [each.strip() for each in re.split(r",(?![^(]*\))", types)]


def _without_grammar(message: str) -> str:
    if "recursion" in message.lower() or "nest" in message.lower():
        return "is nested too deeply: write it more simply"
    if "int literal" in message or "double literal" in message:
        return "a number is too large"
    if "undeclared reference" in message:  # names are known by now: a function, called wrongly
        return (
            "a function is called like size(signal.labels), or like "
            'event.tenant.startsWith("a"), with one word'
        )
    if "Syntax error" in message:
        return "cannot be read from here on: write it more simply"
    return message
