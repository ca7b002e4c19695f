"""Words from outside on a terminal: shown as they are, and never taken for commands to it."""

import unicodedata

from rich.table import Table
from rich.text import Text

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories (UAX #44) of what moves the cursor, colours or reorders text, or breaks
a line, rather than being seen."""


def visible(words: str) -> str:
    r"""The words with what cannot be seen as escapes, such as `\n`, `\x1b` and `\u202e`."""
    if words.isascii() and words.isprintable():
        return words
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _UNSEEN else char
        for char in words
    )


def add_row(table: Table, *cells: str | Text) -> None:
    """Add a row in which a string is plain text: brackets are no markup, nothing that cannot be
    seen reaches the terminal, and what is too long goes on in the next line. Such a cell cannot
    hold a line break of its own. A `Text` is shown as it is given."""
    table.add_row(
        *(
            cell if isinstance(cell, Text) else Text(visible(cell), overflow="fold")
            for cell in cells
        )
    )
