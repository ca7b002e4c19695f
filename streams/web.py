"""The worker's one port: metrics, probes and a status page."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import faust
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from streams.engine.health import Health, Verdict
from streams.exits import NotUsable

_PAGE = Path(__file__).with_name("status.html")
_GUARD = {
    # The page needs nothing from anywhere else, and nobody has to frame it.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Registered(Protocol):
    """Metrics on a registry."""

    @property
    def registry(self) -> CollectorRegistry: ...


class WebService(faust.Service):
    """Serves `/metrics` (Prometheus text or OpenMetrics), `/live` and `/ready` (200, or 503 with
    the reasons), `/` (a page for people) and `/status` (what it shows, as JSON). It starts before
    the broker is reached, and shows counts and versions only. `port` 0 takes a free one; `address`
    tells which."""

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Registered,
        health: Health,
        status: Callable[[], dict[str, Any]],
        on_listening: Callable[[str], None],
    ) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._host = host
        self._port = port
        self._metrics = metrics
        self._health = health
        self._status = status
        self._on_listening = on_listening
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def on_start(self) -> None:
        """Bind and serve; a port in use ends the worker with a clear message."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/", self._show_page),
                web.get("/metrics", self._show_metrics),
                web.get("/live", self._show_live),
                web.get("/ready", self._show_ready),
                web.get("/status", self._show_status),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            raise NotUsable(
                f"worker.http_port {self._port} on {self._host} cannot be bound: "
                f"{error.strerror}. Choose another, or 0 for a free one."
            ) from error
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._on_listening(self.address)

    async def on_stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _show_page(self, _: web.Request) -> web.Response:
        return web.Response(text=_PAGE.read_text("utf-8"), content_type="text/html", headers=_GUARD)

    async def _show_metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(
            body=encode(self._metrics.registry), headers={"Content-Type": content_type}
        )

    async def _show_live(self, _: web.Request) -> web.Response:
        return _probe(self._health.alive(time.monotonic()))

    async def _show_ready(self, _: web.Request) -> web.Response:
        return _probe(self._health.ready())

    async def _show_status(self, _: web.Request) -> web.Response:
        return web.json_response(self._status(), headers={"Cache-Control": "no-store"})


def _probe(verdict: Verdict) -> web.Response:
    body = {"ok": verdict.ok, "why": list(verdict.why)}
    return web.json_response(body, status=200 if verdict.ok else 503)
