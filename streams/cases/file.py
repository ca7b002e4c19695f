"""What a case is built from: its openings, what people found, and the platform's own words."""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from matchers.deep_keys import MOST_PARTS, deep_key
from streams.cases.cybertip import Person
from streams.contracts.case_record import CaseOpening
from streams.contracts.outcome import ReviewOutcome


class ReportingPerson(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person or desk of the platform."""

    first_name: str | None = None
    last_name: str | None = None
    phone: list[str] = []
    email: list[str] = []

    def element(self) -> Person:
        """As an element of the report."""
        return Person(
            first_name=self.first_name,
            last_name=self.last_name,
            phone=self.phone,
            email=self.email,
        )


class ReporterFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the platform says of itself in every report; a TOML file (`cases.reporter`)."""

    platform: str | None = None
    esp_service: str | None = None
    reporting_person: ReportingPerson
    contact_person: ReportingPerson | None = None
    company_template: str | None = None
    terms_of_service: str | None = None
    legal_url: str | None = None


class UnusableReporter(Exception):
    """The reporter's file cannot be used; the message says why."""


def read_reporter(path: Path) -> ReporterFile:
    """The file's content. Raises `UnusableReporter`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if (deep := deep_key(text)) is not None:
            raise UnusableReporter(f"{path}: line {deep}: a key has more than {MOST_PARTS} parts")
        return msgspec.convert(tomllib.loads(text), ReporterFile)
    except RecursionError:
        raise UnusableReporter(f"{path}: nested too deeply for any field") from None
    except (OSError, ValueError) as bad:  # TOML's and msgspec's, and of thousands of digits
        raise UnusableReporter(f"{path}: {bad}") from bad


class Submission(Struct, frozen=True, kw_only=True):
    """A platform's record of having submitted: the hotline's ids, when, and by whom. `file_ids`
    are by the names of `streams.cases.files.file_names`."""

    at: datetime
    by: str
    report_id: int
    file_ids: Mapping[str, str] = {}


class CaseFile(Struct, frozen=True, kw_only=True):
    """`repeats` are the openings that were folded into this case; `outcomes` are of any of its
    decisions, in the order in which they were made."""

    opening: CaseOpening
    repeats: list[CaseOpening] = []
    outcomes: list[ReviewOutcome] = []
    reporter: ReporterFile | None = None
    submission: Submission | None = None

    @property
    def openings(self) -> list[CaseOpening]:
        """The case's own opening and those folded into it."""
        return [self.opening, *self.repeats]

    @property
    def priority(self) -> int:
        """The most urgent of them."""
        return min(opening.decision.priority for opening in self.openings)
