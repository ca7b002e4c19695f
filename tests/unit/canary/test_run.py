"""`seawall canary run`: what it says when it cannot."""

import re
import socket
import subprocess
import sys

from typer.testing import CliRunner

from streams.cli.canary import app
from streams.localbroker.ports import free_ports


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(app, ["run", "--port", port])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert f"--port {port} on 127.0.0.1 cannot be bound" in result.stderr


def test_a_broker_that_is_away_is_said_with_the_time_and_once(tmp_path) -> None:
    (port,) = free_ports(1)
    command = ("canary", "run", "--port", "0", "--bootstrap", f"127.0.0.1:{port}")
    with subprocess.Popen(
        [sys.executable, "-m", "streams.cli.main", *command],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        try:
            lines = [running.stderr.readline() for _ in range(2)]
        finally:
            running.kill()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} "
    assert re.match(stamp + "canary metrics at http://", lines[0])
    away = re.match(stamp + r"Kafka is away: (\w+): (?!\1)", lines[1])
    assert away is not None, lines[1]
