"""Where in a policy file's text a field stands, for error messages."""

import re


def line_of(text: str, field: str) -> int | None:
    """The line (from 1) of a path such as `$.rules[2].targets.account`: of its key within the
    table, else of the table's header. `None` when the file writes it in another way."""
    path = re.fullmatch(r"\$\.(\w+)(?:\[(\d+)\])?(?:\.(\w+))?.*", field)
    if path is None:
        return None
    table, number, key = path[1], path[2], path[3]
    lines = text.splitlines()
    if number is None:
        return _find(lines, rf"\s*(\[\s*{table}\s*\]|{table}\s*=)", 0, len(lines))
    header = rf"\s*\[\[\s*{table}\s*\]\]"
    headers = [i for i, line in enumerate(lines) if re.match(header, line)]
    if int(number) >= len(headers):
        return None
    start = headers[int(number)]
    end = next((i for i in range(start + 1, len(lines)) if lines[i].startswith("[[")), len(lines))
    found = _find(lines, rf"\s*\"?{key}\"?\s*=", start, end) if key else None
    return found or start + 1


def line_within(text: str, field: str, line: int) -> int | None:
    """The line of a field's text's line `line` (from 0), which a multi-line string has."""
    start = line_of(text, field)
    if start is None:
        return None
    opening = text.splitlines()[start - 1].rstrip()
    # TOML drops a line's end right after the opening quotes.
    return start + line + opening.endswith(('"""', "'''"))


def _find(lines: list[str], pattern: str, start: int, end: int) -> int | None:
    return next((i + 1 for i in range(start, end) if re.match(pattern, lines[i])), None)
