"""What a worker says of its lists: that it has some with nothing in them, or none at all."""

from pathlib import Path

import pytest

from streams.metrics import Metrics
from streams.parts import build_parts
from streams.settings import load_settings


@pytest.mark.parametrize("configured", [True, False])
def test_lists_are_in_use_only_where_some_are_configured(tmp_path: Path, configured: bool) -> None:
    (tmp_path / "own.csv").write_text("id,algorithm,value\n")
    given = {
        "worker.stages": ["hash-matching"],
        "lists.files": [str(tmp_path / "own.csv")] if configured else [],
    }
    metrics = Metrics()
    parts = build_parts(load_settings(None, given, environment={}).settings, metrics)
    assert parts.lists is not None
    version = parts.lists.load().version
    value = metrics.registry.get_sample_value
    assert value("seawall_lists_info", {"version": version}) == (1 if configured else None)
    assert bool(value("seawall_lists_loaded_timestamp_seconds")) is configured
    names = {family.name: family.samples for family in metrics.registry.collect()}
    assert not names["seawall_list_entries"], "no list has an entry"
