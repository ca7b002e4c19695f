"""What errors about a file say could stand there instead, wherever a file is read."""

from pathlib import Path

import pytest

from matchers.language.catalogue import CatalogueError, load
from matchers.lists.csv_format import UnreadableList
from matchers.lists.librarian.catalogue import read_catalogue
from matchers.lists.loader import read_lists
from matchers.type_words import allowed_values
from streams.contracts.mapping_file import MappingError, parse_mapping
from streams.contracts.values import AgeBand
from streams.policy.load import PolicyError, parse_policy
from streams.secret import Secret

RULE = """version = "1"
[[rules]]
id = "one"
owner = "o"
ground = "g"
on = "text_risk"
"""
CATALOGUE = """{"language": "en", "name": "English", "reviewed": false, "indicators": [
 {"id": "en.x", "category": "%s", "weight": 0.5, "source": "s", "%s": ["x"], "match": ["x"]}]}"""
MAPPING = """[fields]
event_id = "id"
tenant = { value = "t" }
kind = { value = "created" }
occurred_at = "at"
content_id = "id"
surface = { value = "message" }
author.id = "by"
author.age_band = { value = "grownup" }
"""


@pytest.mark.parametrize("read", [read_lists, lambda paths: read_catalogue(*paths)])
@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ('roles = { known = "blok" }', "; allowed: allow, block, hold, observe, review"),
        ('source_kind = "mine"', "; allowed: hotline, industry, law_enforcement, own, victim"),
        ('permitted_uses = ["look"]', "; allowed: a list of: detect, enforce, report"),
        ('role = "block"', "; did you mean roles? its fields: name, "),
        ("zzz = 1", "; its fields: name, "),
    ],
)
def test_a_list_that_cannot_be_read_says_what_could_stand_there(
    tmp_path: Path, read, line, meant
) -> None:
    path = tmp_path / "lists.toml"
    path.write_text(f'[[list]]\nname = "a"\nfile = "a.csv"\n{line}\n')
    with pytest.raises(UnreadableList) as refused:
        read([path])
    assert meant in str(refused.value)


@pytest.mark.parametrize(
    ("category", "field", "meant"),
    [
        ("platfrm_move", "phrases", "; allowed: "),
        ("platform_move", "phrase", "; did you mean phrases? its fields: id, "),
    ],
)
def test_a_catalogue_says_what_could_stand_there(
    tmp_path: Path, category: str, field: str, meant: str
) -> None:
    path = tmp_path / "ours.json"
    path.write_text(CATALOGUE % (category, field))
    with pytest.raises(CatalogueError) as refused:
        load([path])
    assert meant in str(refused.value)
    assert "platform_move" in str(refused.value) or field == "phrase"


def test_a_mapping_says_which_words_a_field_takes() -> None:
    with pytest.raises(MappingError) as refused:
        parse_mapping(MAPPING, "m.toml")
    assert "'grownup'; allowed: 13_15, 16_17, adult, under_13, unknown" in str(refused.value)


@pytest.mark.parametrize(
    ("lines", "meant"),
    [
        ('action = "hold"\nwen = "true"', "; did you mean when? its fields: id, "),
        (
            'action = "hold"\ntargets = { acount = "hold" }',
            "; allowed: account, conversation, text",
        ),
        ('action = "hold"\nmode = "test"', "; allowed: live, trial or a table"),
        ('action = "hold"\nmode = { part = 0.5 }', "its fields: share"),
        ('action = "hold"\n[[limits]]\nper_dy = 1', "; did you mean per_day? its fields: rule, "),
    ],
)
def test_a_policy_says_what_could_stand_there(lines: str, meant: str) -> None:
    with pytest.raises(PolicyError) as refused:
        parse_policy(RULE + lines, "p.toml")
    assert meant in refused.value.message


def test_types_in_words() -> None:
    assert allowed_values(AgeBand) == "13_15, 16_17, adult, under_13, unknown"
    assert allowed_values(Secret) == "a string"
    assert allowed_values(tuple[int, ...] | None) == "a list of: a whole number"
