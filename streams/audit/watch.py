"""`AuditWatch`: a process that runs continually checks the audit log as it goes."""

from collections.abc import Callable
from pathlib import Path

from streams.audit.log import GENESIS, AuditLog, NoAudit, UnusableAudit, Verified
from streams.audit.metrics import AuditMetrics

EVERY_SECONDS = 60.0
OLD_ROWS = 2_000
"""Old rows that each check looks at again, some 30 ms of work: a million takes eight hours."""

_NOTHING = Verified(0, GENESIS, None)


class AuditWatch:
    """Each check looks at the rows that are new since the last one, and at a part of the old ones,
    from the first to the last and then again.

    Where the chain held at the last check is kept in memory, out of reach of whoever can write the
    file: a log that was made anew as a whole holds by itself, and is told all the same, as long as
    this process lives.
    """

    def __init__(self, path: Path, metrics: AuditMetrics, complain: Callable[[str], None]) -> None:
        """`complain` is told what does not hold, each time that it is another thing."""
        self._path = path
        self._metrics = metrics
        self._complain = complain
        self._newest = _NOTHING
        self._again = _NOTHING
        self._told = ""

    def check(self) -> bool:
        """Look, and say so in the metrics; whether the log holds. A log that was never made holds.
        Raises nothing: a log that cannot be read is one that does not hold."""
        wrong = self._wrong()
        if wrong != self._told and wrong:
            self._complain(f"the audit log does not hold: {wrong}")
        self._told = wrong
        self._metrics.broken.set(bool(wrong))
        self._metrics.rows.set(self._newest.rows)
        return not wrong

    def _wrong(self) -> str:
        try:
            with AuditLog(self._path, create=False) as log:
                newest = log.verify(self._newest)
                again = log.verify(self._again, OLD_ROWS)
        except NoAudit as none:
            return str(none) if self._newest.rows else ""
        except UnusableAudit as error:
            return str(error)
        self._newest = newest._replace(fault=None)
        over = again.rows >= newest.rows
        self._again = _NOTHING if over else again._replace(fault=None)
        fault = newest.fault or again.fault
        return f"{self._path}: row {fault.seq}: {fault.why}" if fault else ""
