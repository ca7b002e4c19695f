"""The worker's one port: metrics, probes and a short status."""

import time
from collections.abc import Callable
from typing import Any

import faust
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from streams.engine.health import Health, Verdict
from streams.exits import NotUsable
from streams.metrics import Metrics


class WebService(faust.Service):
    """Serves `/metrics` (Prometheus text or OpenMetrics), `/live` and `/ready` (200, or 503 with
    the reasons) and `/status` (JSON). It starts before the broker is reached, and shows counts
    and versions only. `port` 0 takes a free one; `address` tells which."""

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Metrics,
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
        return web.json_response(self._status())


def _probe(verdict: Verdict) -> web.Response:
    body = {"ok": verdict.ok, "why": list(verdict.why)}
    return web.json_response(body, status=200 if verdict.ok else 503)
