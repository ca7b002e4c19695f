"""Where in a policy file's text a field stands, for error messages."""

import re

MOST_SHOWN = 100
"""Characters of a line that an excerpt shows."""


def pointed_at(text: str, line: int, column: int) -> str:
    """A line (from 0) of a text, as much as fits one, and below it a mark at a column (from 1)."""
    whole = "".join(char if char.isprintable() else " " for char in (*text.split("\n"), "")[line])
    start = max(0, min(column - 1 - MOST_SHOWN // 2, len(whole) - MOST_SHOWN))
    shown = whole[start : start + MOST_SHOWN]
    before = "..." if start else ""
    after = "..." if start + MOST_SHOWN < len(whole) else ""
    return f"    {before}{shown}{after}\n    {' ' * (len(before) + column - 1 - start)}^"


def line_of(text: str, field: str) -> int | None:
    """The line (from 1) of a path such as `$.rules[2].targets.account`: of its key within the
    table, else of the table's header. `None` when the file writes it in another way."""
    path = re.fullmatch(r"\$\.(\w+)(?:\[(\d+)\])?(?:\.(\w+))?.*", field)
    if path is None:
        return None
    table, number, key = path[1], path[2], path[3]
    lines = text.split("\n")
    if number is None:
        return _find(lines, rf"\s*(\[\s*{table}\s*\]|{table}\s*=)", 0, len(lines))
    headers = header_lines(text, table)
    if int(number) >= len(headers):
        return None
    start = headers[int(number)] - 1
    end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("[[")), len(lines))
    found = _find(lines, rf"\s*\"?{key}\"?\s*=", start, end) if key else None
    return found or start + 1


def header_lines(text: str, table: str) -> list[int]:
    """The lines (from 1) of an array of tables' headers, such as `[[rules]]`."""
    header = re.compile(rf"\s*\[\[\s*{table}\s*\]\]")
    return [number for number, line in enumerate(text.split("\n"), 1) if header.match(line)]


def line_within(text: str, field: str, line: int) -> int | None:
    """The line of a field's text's line `line` (from 0), which a multi-line string has."""
    start = line_of(text, field)
    if start is None:
        return None
    opening = text.split("\n")[start - 1].rstrip()
    if not any(quotes in opening for quotes in _MULTILINE):
        return start  # whatever line ends the text has are written as escapes
    # TOML drops a line's end right after the opening quotes.
    return start + line + opening.endswith(_MULTILINE)


_MULTILINE = ('"""', "'''")


def _find(lines: list[str], pattern: str, start: int, end: int) -> int | None:
    return next((i + 1 for i in range(start, end) if re.match(pattern, lines[i])), None)
