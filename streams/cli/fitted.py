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
    into a pipe has all of them. The columns `words` may break their text. A column's name may have
    several lines."""
    console = console or Console()
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [
        max(map(cell_len, [*name.split("\n"), *(row[index] for row in shown)]))
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
        left_out = ", ".join(columns[count:]).replace("\n", " ")
        console.print(Text(f"left out on this narrow terminal: {left_out}; --json has all"))


def print_stacked(
    columns: Sequence[str],
    rows: Sequence[Sequence[Sequence[str]]],
    console: Console | None = None,
) -> None:
    """Print rows whose cells hold several lines, all of them, however narrow the terminal is. Lines
    of the first column are ids and the like: those are never broken. What is in the others goes on
    in the next line where it must."""
    console = console or Console()
    shown = [[[visible(line) for line in cell] for cell in row] for row in rows]
    widths = [
        max([cell_len(name), *(cell_len(line) for row in shown for line in row[index])])
        for index, name in enumerate(columns)
    ]
    if console.is_terminal:
        least = [widths[0], *(min(width, WORDS) for width in widths[1:])]
        console.width = max(console.width, _width(least))
    else:
        console.width = _width(widths)
    table = Table(show_lines=True)
    for index, name in enumerate(columns):
        table.add_column(name, no_wrap=index == 0, overflow="fold")
    for row in shown:
        table.add_row(*(Text("\n".join(cell)) for cell in row))
    console.print(table)


def _width(columns: Sequence[int]) -> int:
    """With a border and two cells of padding each, and the border at the end."""
    return sum(columns) + 3 * len(columns) + 1
