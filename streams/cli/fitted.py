"""Tables whose ids can be copied, however narrow the terminal is."""

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.cli.tables import visible

WORDS = 16
"""Cells that a column of words has at least, when its text goes on in the next line."""


def print_fitted(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    words: Collection[str] = (),
    console: Console | None = None,
) -> None:
    """Print rows under their columns, of which the first holds ids: those are never broken. On a
    terminal that is too narrow the last columns are left out, and named; what goes to a file or
    into a pipe has all of them. The columns `words` may break their text."""
    console = console or Console()
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [
        max([cell_len(name), *(cell_len(row[index]) for row in shown)])
        for index, name in enumerate(columns)
    ]
    least = [
        min(width, WORDS) if name in words else width
        for name, width in zip(columns, widths, strict=True)
    ]
    count = len(columns)
    if console.is_terminal:
        while count > 1 and _width(least[:count]) > console.width:
            count -= 1
        console.width = max(console.width, _width(least[:count]))
    else:
        console.width = _width(widths)
    table = Table()
    for name in columns[:count]:
        table.add_column(name, no_wrap=name not in words, overflow="fold")
    for row in shown:
        table.add_row(*map(Text, row[:count]))
    console.print(table)
    if count < len(columns):
        left_out = ", ".join(columns[count:])
        console.print(Text(f"left out on this narrow terminal: {left_out}; --json has all"))


def _width(columns: Sequence[int]) -> int:
    """With a border and two cells of padding each, and the border at the end."""
    return sum(columns) + 3 * len(columns) + 1
