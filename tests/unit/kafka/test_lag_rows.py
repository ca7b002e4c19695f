"""What `seawall lag` prints where there is no room."""

import pytest

from streams.cli.lag import _show
from streams.kafka.lag import PartitionLag

LONG = "eu-west.moderation.media-hashing.of-a-platform-with-a-long-name"


def test_ids_are_not_cut_in_a_pipe_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _show(
        [
            PartitionLag(
                group=LONG,
                topic="content.events",
                partition=partition,
                committed=None if partition else 1_234_567,
                end=1_234_600,
                records=33,
                seconds=None if partition else 1.25,
            )
            for partition in range(2)
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if "│" in line]
    assert rows == [
        [LONG, "content.events", "0", "33", "1.2", "1234567", "1234600"],
        [LONG, "content.events", "1", "33", "unknown", "none", "1234600"],
        ["all", "", "", "66", "1.2", "", ""],
    ]
