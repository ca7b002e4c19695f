"""The demo's report on a narrow terminal says all that it says on a wide one."""

import io
import re

import pytest
from msgspec.structs import replace
from rich.console import Console, RenderableType

from demo import desk_report, report
from demo.expectations import Place
from demo.kinds import SENT_TO_CHILD
from streams.contracts.decision import WouldHave, decision_id
from tests.integration.demo.test_desk import RIGHT
from tests.integration.demo.test_expectations import DECISION, GOOD, LETTER, outcome

NOTED = replace(
    DECISION,
    scans_withheld=("hash", "url", "text", "provenance"),
    degraded=("list_withheld:sample-victims",),
    would_have=(WouldHave(rule="victim-submitted-hash-on-trial", action="hold"),),
)
LETTERS = (
    replace(
        LETTER,
        error="unknown_schema_version",
        field="$.author.account_created_at",
        message="this version of the contract is not known here; upgrade Seawall",
        offset=252_345,
        size=1_199,
    ),
)


def shown(renderable: RenderableType, width: int) -> str:
    """As a terminal of so many cells shows it."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return "\n".join(lines)


def by_kind(width: int) -> str:
    sent = [
        (replace(GOOD, kind=SENT_TO_CHILD, event_id=f"e{n}"), Place(0, n)) for n in range(2_000)
    ]
    decisions = [
        replace(NOTED, event_id=f"e{n}", decision_id=decision_id("t", f"e{n}"), action=action)
        for n, action in enumerate(["block", "hold", "review", "allow"] * 500)
    ]
    return shown(report.by_kind(sent, outcome(tuple(decisions)), width), width)


def column(text: str, name: str, until: str | None = None) -> str:
    """What stands under a header, put together again where it was folded, without blanks."""
    lines = text.splitlines()
    (at,) = [n for n, line in enumerate(lines) if name in line and (until or "") in line]
    start = lines[at].index(name)
    end = lines[at].index(until) if until else None
    return re.sub(r"\s", "", "".join(line[start:end] for line in lines[at:]))


@pytest.mark.parametrize("width", [80, 90, report.WIDE, 160])
def test_no_word_of_the_main_table_is_cut_off(width: int) -> None:
    text = by_kind(width)
    assert "priority" in text
    why = column(text, "why" if width >= report.WIDE else "decided, and why")
    for said in (
        "known-address2000",
        "wouldhave:victim-submitted-hash-on-trial2000",
        "degraded:list_withheld:sample-victims",
        "withheld:hash,url,text,provenance",
    ):
        assert said in why
    for action in ("block", "hold", "review", "allow"):
        assert f"{action} 500" in text


@pytest.mark.parametrize("width", [80, 90, report.WIDE, 160])
def test_dead_letters_are_shown_whole(width: int) -> None:
    text = shown(report.dead_letters(LETTERS, width), width)
    assert "unknown_schema_version" in text
    assert "$.author.account_created_at" in column(text, "field", "message")
    assert "0, 252345, 1,199 B" in text
    for word in LETTERS[0].message.split():
        assert word in text


def test_the_opened_case_says_when_it_was_viewed_and_what_a_missing_field_is() -> None:
    document = RIGHT.opened.document
    told = replace(
        document,
        missing=["fileDetails[m1].reportId"],
        report={"incidentSummary": {"incidentDateTime": "2026-01-01T00:00:00"}},
    )
    desk = replace(RIGHT, opened=replace(RIGHT.opened, document=told))
    text = re.sub(r"[\s│]+", " ", shown(desk_report.opened_case(desk), 80))
    assert "by nobody, when this case was opened; after a reviewer told what they found" in text
    assert "fileDetails[m1].reportId" in text
    assert "seawall cases submitted" in text
