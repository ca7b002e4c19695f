"""Runs a Faust app with its services until a signal or a failure ends it."""

import asyncio
import logging
import signal

import faust
import uvloop

from streams import deadline
from streams.exits import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, NotUsable


class StreamWorker(faust.Worker):
    """A Faust worker that ends within a bound: on SIGTERM or SIGINT it finishes running chunks,
    and past `shutdown_seconds` the process ends all the same."""

    def __init__(
        self,
        app: faust.App,
        *services: faust.Service,
        shutdown_seconds: float,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            app,
            *services,
            loop=loop,
            override_logging=False,
            redirect_stdouts=False,
            quiet=True,
        )
        self.spinner = None  # it would write to a terminal that is not there
        self._shutdown_seconds = shutdown_seconds
        self._ending: asyncio.Future[None] | None = None

    def install_signal_handlers(self) -> None:
        """SIGTERM and SIGINT end the worker in order."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self.end, number)

    def end(self, number: signal.Signals) -> None:
        """Stop in order, with the deadline armed. Asking twice changes nothing."""
        if self._ending is None:
            logging.getLogger(__name__).info("%s: stopping", signal.Signals(number).name)
            deadline.arm(self._shutdown_seconds, EXIT_FAILED)
            self._ending = asyncio.ensure_future(self.stop(), loop=self.loop)


def run_until_ended(
    app: faust.App,
    loop: asyncio.AbstractEventLoop,
    services: list[faust.Service],
    shutdown_seconds: float,
) -> int:
    """Run; the exit code says whether the worker was asked to end (0), failed (1), or cannot run
    with these settings (2)."""
    worker = StreamWorker(app, *services, shutdown_seconds=shutdown_seconds, loop=loop)
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        if not ended.code:
            return EXIT_OK
        reason = worker.crash_reason or ended.__context__ or ended
    except Exception as failure:
        reason = failure
    else:
        return EXIT_OK
    # The last line of the log, after all that was said while stopping.
    logging.getLogger(__name__).critical("ended: %s: %s", type(reason).__name__, reason)
    return EXIT_CONFIG if isinstance(reason, NotUsable) else EXIT_FAILED


def new_loop() -> asyncio.AbstractEventLoop:
    """A uvloop, made current before the app that binds to it."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop
