"""Says what is being done, and how long it took."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

Advance = Callable[[int], object]


class _Amount(ProgressColumn):
    """How much is done, and of how much where that is known."""

    def render(self, task: Task) -> Text:
        if task.total is None:
            return Text(f"{task.completed:,.0f}" if task.completed else "")
        return Text(f"{task.completed:,.0f}/{task.total:,.0f}")


class Steps:
    """Steps with a spinner, or a bar where the amount is known, while they run on a terminal; and
    a line for each when it is done."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            _Amount(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Steps":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    @contextmanager
    def step(self, doing: str, done: str, total: int | None = None) -> Generator["Step"]:
        """Show `doing` until the block ends, then `done`."""
        task = self._live.add_task(doing, total=total)
        started = time.monotonic()
        step = Step(done, lambda n: self._live.advance(task, n), lambda s: self._say(task, s))
        try:
            yield step
        finally:
            self._live.remove_task(task)
        seconds = time.monotonic() - started
        self.console.print(f"[green]✓[/] {step.done} [dim]({seconds:.1f} s)[/]", highlight=False)

    def _say(self, task: TaskID, line: str) -> None:
        if self._live.disable:
            self.console.print(f"  {line}", highlight=False)
        else:
            self._live.update(task, description=line)


class Step:
    """A step that runs. `done` may be changed; `advance(n)` moves its bar, `say` its words."""

    def __init__(self, done: str, advance: Advance, say: Callable[[str], None]) -> None:
        self.done = done
        self.advance = advance
        self.say = say
