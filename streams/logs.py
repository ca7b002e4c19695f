"""Logging of a worker: one line a record, to stderr, without content."""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaError

QUIET = ("aiokafka", "faust", "mode", "kafka", "asyncio", "numba", "PIL", "fsspec", "aiohttp")
"""Libraries whose debug and info records cost time and say little (10-15 % of a core)."""

REPEAT_SECONDS = 30.0


class RepeatFilter(logging.Filter):
    """Lets each message template of a Kafka client, and each that tells of waiting, through once
    in 30 s: while a broker is away, aiokafka repeats its own line several times a second for each
    of its connections, and every partition waits by itself. Metrics show them all."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let the record through."""
        if (
            record.name == "asyncio"
            and record.exc_info
            and isinstance(record.exc_info[1], KafkaError)
        ):
            return False  # a future of aiokafka's that nobody asked; the engine told of its cause
        if not record.name.startswith(("aiokafka", "kafka")) and "wait" not in str(record.msg):
            return True
        key = (record.name, str(record.msg))
        now = time.monotonic()
        if now - self._seen.get(key, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        self._seen[key] = now
        return True


TRANSIENT = (
    "Group Coordinator Request failed:",
    "Got error produce response on topic-partition",
    "Heartbeat failed for group %s because it is rebalancing",
    "Topic %s is not available during auto-create initialization",
    "Topic %s not found in cluster metadata",
)
"""How aiokafka words what it tries again by itself, and what comes with every first start on a new
cluster (its coordinators and replicas are still being found) and with every rebalance."""

PERSIST_SECONDS = 10.0
CALM_SECONDS = 3.0
"""Longer than aiokafka waits between two tries of anything, heartbeats included."""


JUST_ASSIGNED = "Aiokafka has not sent fetch request for"
"""How Faust words it that a partition came a moment ago to a process that is minutes old: it counts
from the process's start."""
ASSIGNED_PERSIST_SECONDS = 60.0
ASSIGNED_CALM_SECONDS = 20.0
"""Longer than the 7 s between two looks of Faust's."""


class TransientFilter(logging.Filter):
    """Holds back what a healthy start says too (`TRANSIENT`), until it has gone on for 10 s: then
    it is no start any more. A line that was not said for 3 s begins anew. For `JUST_ASSIGNED`,
    which every rebalance may bring, these are 60 s and 20 s."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._spans: dict[str, tuple[float, float]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to let the record through."""
        words = str(record.msg)
        if record.name.startswith("faust") and JUST_ASSIGNED in words:
            return self._goes_on(words, ASSIGNED_PERSIST_SECONDS, ASSIGNED_CALM_SECONDS)
        if not record.name.startswith("aiokafka") or not words.startswith(TRANSIENT):
            return True
        if not all(map(_tried_again, record.args or ())):
            return True
        return self._goes_on(words, PERSIST_SECONDS, CALM_SECONDS)

    def _goes_on(self, words: str, persist: float, calm: float) -> bool:
        now = self._clock()
        began, last = self._spans.get(words, (now, now))
        if now - last > calm:
            began = now
        self._spans[words] = (began, now)
        return now - began >= persist


def _tried_again(argument: object) -> bool:
    """False for an error of Kafka's that trying again does not help."""
    if isinstance(argument, KafkaError) or (
        isinstance(argument, type) and issubclass(argument, KafkaError)
    ):
        return bool(argument.retriable)
    return True


class RecentProblems(logging.Handler):
    """Keeps the latest warnings and errors, for the status page. Lines of the log hold no content,
    so that these do not either."""

    def __init__(self, kept: int = 20) -> None:
        super().__init__(logging.WARNING)
        self._lines: deque[dict[str, Any]] = deque(maxlen=kept)
        self.addFilter(TransientFilter())
        self.addFilter(RepeatFilter())

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, without its traceback."""
        line = next(iter(record.getMessage().splitlines()), "")
        self._lines.appendleft(
            {
                "at": record.created,
                "level": record.levelname,
                "what": f"{record.name}: {line}",
            }
        )

    def latest(self) -> list[dict[str, Any]]:
        """The newest first: `at` in seconds since the epoch, `level`, `what`."""
        return list(self._lines)


def set_up_logging(level: str = "INFO") -> None:
    """Configure the root logger; call once, before the app is made."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
    )
    handler.addFilter(TransientFilter())
    handler.addFilter(RepeatFilter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
