"""The catalogue in the guide is whole: it can be copied out and used."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from matchers.language.categories import CATEGORIES
from streams.cli.text import app

GUIDE = Path(__file__).parents[3] / "docs" / "tune-the-text-risk.md"


@pytest.fixture
def catalogue(tmp_path: Path) -> str:
    _, _, rest = GUIDE.read_text("utf-8").partition("```json\n")
    file = tmp_path / "our-indicators.json"
    file.write_text(rest.partition("```")[0], "utf-8")
    return str(file)


def test_it_passes_its_own_tests_and_is_found(catalogue: str) -> None:
    checked = CliRunner().invoke(app, ["check", "--catalogue", catalogue])
    assert checked.exit_code == 0, checked.output
    assert "English, our own (en)" in checked.output
    explained = CliRunner().invoke(
        app, ["explain", "come to glimchat", "--catalogue", catalogue, "--no-built-in", "--json"]
    )
    assert "en.ours.glimchat" in explained.output


def test_every_category_is_named() -> None:
    indicators = GUIDE.read_text("utf-8").partition("## Indicators")[2].partition("## The score")[0]
    assert [name for name in CATEGORIES if f"`{name}`" not in indicators] == []
