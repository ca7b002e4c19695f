"""A hard end for a process that was asked to stop."""

import logging
import os
import sys
import threading

log = logging.getLogger(__name__)


def arm(seconds: float, code: int) -> None:
    """End the process with `code` after `seconds`, whatever it is doing then.

    Nothing is lost by it: what was not committed is done again by the next owner.
    """

    def end() -> None:
        log.critical("not stopped within %.0f s: ending at once", seconds)
        logging.shutdown()
        sys.stderr.flush()
        os._exit(code)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
