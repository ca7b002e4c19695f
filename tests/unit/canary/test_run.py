"""`seawall canary run` before it runs."""

import socket

from typer.testing import CliRunner

from streams.cli.canary import app


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(app, ["run", "--port", port])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert f"--port {port} on 127.0.0.1 cannot be bound" in result.stderr
