"""`text.catalogues` and `text.trusted` from the settings to the signal."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from matchers.language.catalogue import load
from streams.cli.main import main
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent
from streams.contracts.signal import TextRisk
from streams.exits import NotUsable
from streams.metrics import Metrics
from streams.parts import build_parts
from streams.settings import load_settings

ON_TRIAL = next(language for language in load().languages if not language.reviewed)


def signals(environment: dict[str, str], *texts: str) -> list[TextRisk]:
    """What a worker with these variables makes of the messages of one conversation."""
    given = {"SEAWALL_WORKER_STAGES": "text-risk"} | environment
    parts = build_parts(load_settings(environment=given).settings, Metrics())
    batch = [
        Envelope(
            event=ContentEvent(
                event_id=f"e{number}",
                tenant="t",
                kind="created",
                occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
                content_id=f"c{number}",
                surface="message",
                author=Author(id="a"),
                conversation_id="c",
                text=text,
            ),
            received_at=1_767_225_600_000 + number,
        )
        for number, text in enumerate(texts)
    ]
    done = parts.stages[0].run(batch, {}).batch
    parts.close()
    return [s for envelope in done for s in envelope.signals if isinstance(s, TextRisk)]


def test_a_trusted_language_is_off_trial() -> None:
    said = [i.match[0] for i in ON_TRIAL.indicators if i.category in ("secrecy", "image_request")]
    trial = signals({}, *said)
    trusted = signals({"SEAWALL_TEXT_TRUSTED": ON_TRIAL.language}, *said)
    assert [s.level for s in trial] == [s.level for s in trusted] != []
    assert all(s.on_trial for s in trial)
    assert not any(s.on_trial for s in trusted)


def test_a_platforms_catalogue_is_read_beside_the_built_in_one(tmp_path: Path) -> None:
    entry = {
        "id": "xx.a", "category": "secrecy", "weight": 0.9, "source": "own",
        "phrases": ["blorp glorp"], "match": ["blorp glorp"],
    }  # fmt: skip
    own = tmp_path / "own.json"
    own.write_text(
        json.dumps({"language": "xx", "name": "Own", "reviewed": True, "indicators": [entry]})
    )
    found = signals({"SEAWALL_TEXT_CATALOGUES": str(own)}, "blorp glorp", "don't tell your mum")
    assert [hit.indicator for s in found for hit in s.hits] == ["xx.a", "en.secrecy.dont_tell"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [("TRUSTED", "qq", "trusted: no catalogue is in 'qq'"), ("CATALOGUES", "none.json", "read")],
)
def test_what_cannot_be_used_is_named(variable: str, value: str, message: str) -> None:
    with pytest.raises(NotUsable, match=message):
        signals({f"SEAWALL_TEXT_{variable}": value}, "hello")


def test_config_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["config", "--json", "--set", "text.trusted=es,pt"])
    assert not end.value.code
    shown = json.loads(capsys.readouterr().out)["text"]
    assert shown["trusted"] == {"value": ["es", "pt"], "source": "flag"}
    assert shown["catalogues"]["source"] == "default"
