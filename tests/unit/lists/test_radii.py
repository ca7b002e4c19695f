from pathlib import Path

import pytest

from matchers.lists.matcher import Radii
from streams.radii import radii_of
from streams.settings import ListSettings, SettingsError, load_settings


def test_the_defaults_are_the_librarys() -> None:
    assert radii_of(ListSettings()) == Radii()


def test_every_distance_and_share_can_be_set(tmp_path: Path) -> None:
    config = tmp_path / "seawall.toml"
    config.write_text(
        "[lists]\npdq_radius = 20\nphash_radius = 4\nvideo_query_share = 0.5\n"
        "video_compared_share = 0.1\nphotodna_distance = 30_000\n"
    )
    environment = {
        "SEAWALL_LISTS_PHOTODNA_METRIC": "manhattan",
        "SEAWALL_LISTS_TEXT_SIMILARITY": "0.9",
        "SEAWALL_LISTS_TLSH_DISTANCE": "50",
    }
    loaded = load_settings(config, environment=environment)
    assert radii_of(loaded.settings.lists) == Radii(
        pdq=20,
        phash=4,
        dhash=4,
        video_query_share=0.5,
        video_compared_share=0.1,
        photodna=30_000,
        photodna_metric="manhattan",
        text_similarity=0.9,
        tlsh=50,
    )


@pytest.mark.parametrize(
    "line", ["video_query_share = 1.2", "text_similarity = 0", "tlsh_distance = -1"]
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, line: str) -> None:
    config = tmp_path / "seawall.toml"
    config.write_text(f"[lists]\n{line}\n")
    with pytest.raises(SettingsError, match=line.split(" ")[0]):
        load_settings(config, environment={})
