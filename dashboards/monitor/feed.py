"""The monitor's traffic goes on, whatever is done to the broker or to the traffic itself."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dashboards.monitor.side import Side

STALL_SECONDS = 60.0
"""A round of the demo's events takes 36 s and says something every 5 s; its pictures are drawn
before that."""
AGAIN_SECONDS = 5.0


class Feed:
    """The process that sends, while the block lasts. `look`, called again and again, starts it
    anew when it has ended or says nothing any more; `say` is told so, once for each reason."""

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._side = Side("traffic", folder, command)
        self._say = say
        self._clock = clock
        self._began = self._heard = 0.0
        self._lines = ""
        self._said = ""

    def __enter__(self) -> "Feed":
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._side.__exit__(None, None, None)

    def look(self) -> None:
        """See how it does."""
        self._listen()
        why = self._trouble()
        if why is None or self._clock() - self._began < AGAIN_SECONDS:
            return
        if why != self._said:
            self._say(f"{why}; it is started anew")
            self._said = why
        self._side.__exit__(None, None, None)
        self._begin()

    def _begin(self) -> None:
        self._began = self._heard = self._clock()
        self._lines = ""
        self._side.__enter__()

    def _listen(self) -> None:
        lines = self._side.text()
        if lines == self._lines:
            return
        self._lines, self._heard = lines, self._clock()
        if self._said and lines.rstrip().endswith(" sent"):
            self._say("the traffic goes on")
            self._said = ""

    def _trouble(self) -> str | None:
        if self._side.ended:
            return f"the traffic ended: {(self._lines.splitlines() or ['without a word'])[-1]}"
        if self._clock() - self._heard > STALL_SECONDS:
            return f"the traffic has sent nothing for {STALL_SECONDS:.0f} s"
        return None
