"""A real Prometheus on loopback, with this project's rules, and what it answers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

import yaml

from dashboards.rules.model import Scale
from dashboards.rules.render import rules_file
from dashboards.tool import find_tool
from streams.localbroker import guard
from streams.localbroker.ports import LOOPBACK, free_ports

READY_SECONDS = 60
STOP_SECONDS = 20
FOLDER = Path(__file__).parent

AlertState = Literal["pending", "firing"]


def stop_guarded(process: subprocess.Popen[bytes]) -> None:
    """End a process that a guard watches over: the guard ends it when its input is closed. Both are
    a session of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGCONT)  # a guard that is frozen ends nothing
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class PrometheusFailed(Exception):
    """It did not start, or refused a query; the message is its own."""


class Target(NamedTuple):
    """What is scraped: a job, the name that stands for the process over restarts, and its
    `host:port`."""

    job: str
    instance: str
    address: str


class Series(NamedTuple):
    """One series of an instant query."""

    labels: Mapping[str, str]
    value: float


class Prometheus:
    """Runs while its block lasts, and dies with this process however that ends. `every` is the
    seconds between scrapes and between evaluations. Its pages include the runbooks, at
    `/user/runbooks/`. Raises `ToolMissing` and `PrometheusFailed`."""

    def __init__(self, folder: Path, scale: Scale, every: int) -> None:
        self._folder = folder
        self._scale = scale
        self._every = every
        self._process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def __enter__(self) -> Self:
        program = find_tool("prometheus")
        self._folder.mkdir(parents=True, exist_ok=True)
        (port,) = free_ports(1)
        self.address = f"http://{LOOPBACK}:{port}"
        self.scrape([])
        self._write("rules.yaml", rules_file(self._scale))
        self._write("prometheus.yaml", yaml.safe_dump(self._config()))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [
                    *(sys.executable, "-I", "-S", guard.__file__, "-", program),
                    f"--config.file={self._folder / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address={LOOPBACK}:{port}",
                    f"--web.external-url={self.address}",
                    f"--web.user-assets={FOLDER}",
                    "--log.level=warn",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for whoever started it, who ends it in order
            )
        ends = time.monotonic() + READY_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > ends:
                self._stop()
                raise PrometheusFailed(f"Prometheus did not start: {self._last_log()}")
            time.sleep(0.1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def still_runs(self) -> None:
        """Raises `PrometheusFailed` if it has ended."""
        if self._process is None or self._process.poll() is not None:
            raise PrometheusFailed(f"Prometheus ended by itself: {self._last_log()}")

    def scrape(self, targets: list[Target]) -> None:
        """Scrape these from now on, and no others."""
        self._write(
            "targets.json",
            json.dumps(
                [
                    {"targets": [one.address], "labels": {"job": one.job, "instance": one.instance}}
                    for one in targets
                ]
            ),
        )

    def page(self, name: str) -> str:
        """Where a person sees `rules`, `alerts` or `targets`: Debian's package has the classic
        pages alone."""
        for path in (name, f"classic/{name}"):
            try:
                with urllib.request.urlopen(f"{self.address}/{path}", timeout=10):  # noqa: S310
                    return f"{self.address}/{path}"
            except urllib.error.HTTPError:
                continue
        return self.address

    def query(self, expr: str) -> list[Series]:
        """The series of an instant query now. Raises `PrometheusFailed`."""
        result = self._get("query", query=expr)["result"]
        if result and not isinstance(result[0], dict):
            return [Series({}, float(result[1]))]
        return [Series(one["metric"], float(one["value"][1])) for one in result]

    def alerts(self, *states: AlertState) -> dict[str, set[str]]:
        """The alerts that are in one of these states now, with their severities, by name."""
        found: dict[str, set[str]] = {}
        for alert in self._get("alerts")["alerts"]:
            if alert["state"] in states:
                labels = alert["labels"]
                found.setdefault(labels["alertname"], set()).add(labels["severity"])
        return found

    def unhealthy_rules(self) -> list[str]:
        """Rules whose last evaluation failed, with the error."""
        return [
            f"{rule['name']}: {rule.get('lastError')}"
            for group in self._get("rules")["groups"]
            for rule in group["rules"]
            if rule["health"] == "err"
        ]

    def _config(self) -> dict[str, Any]:
        every = f"{self._every}s"
        return {
            "global": {
                "scrape_interval": every,
                "scrape_timeout": every,
                "evaluation_interval": every,
            },
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {
                    "job_name": "seawall",
                    "file_sd_configs": [{"files": ["targets.json"], "refresh_interval": "1s"}],
                    "relabel_configs": [
                        {"target_label": "cluster", "replacement": "local"},
                        {"target_label": "namespace", "replacement": "seawall"},
                    ],
                }
            ],
        }

    def _get(self, what: str, **parameters: str) -> dict[str, Any]:
        url = f"{self.address}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            raise PrometheusFailed(refused.read().decode()) from refused

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=2):  # noqa: S310
                return True
        except OSError:
            return False

    def _write(self, name: str, text: str) -> None:
        # Prometheus may read at any moment: it finds the old file or the new one.
        new = self._folder / f"{name}.new"
        new.write_text(text, "utf-8")
        new.replace(self._folder / name)

    @property
    def _log(self) -> Path:
        return self._folder / "prometheus.log"

    def _last_log(self) -> str:
        return " / ".join(self._log.read_text(errors="replace").splitlines()[-5:])

    def _stop(self) -> None:
        if self._process is not None:
            stop_guarded(self._process)
