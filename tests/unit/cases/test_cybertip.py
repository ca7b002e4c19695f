"""Names, order, presence and validity against the public schema."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from streams.cases import cybertip
from streams.cases.building import build_case
from streams.cases.file import CaseFile, ReporterFile, ReportingPerson, Submission
from streams.cases.xml import file_details_xml, report_xml
from streams.contracts.signal import UserReport
from tests.unit.cases.occurrences import (
    AT,
    event,
    generated,
    match,
    near,
    opening,
    outcome,
    risk,
    url,
    viewing,
)
from tests.unit.cases.schema import children, schema_file, validator

REPORTER = ReporterFile(
    platform="Example Chat",
    esp_service="Example Chat",
    reporting_person=ReportingPerson(
        first_name="Trust", last_name="Desk", email=["desk@platform.example"]
    ),
    contact_person=ReportingPerson(email=["counsel@platform.example"]),
    company_template="Example Platform, Main Street 1",
    terms_of_service="https://platform.example/terms",
    legal_url="https://platform.example/legal",
)
SUBMITTED = Submission(
    at=AT, by="desk", report_id=4711, file_ids={f"{opening().case_id}/m1": "f-1"}
)

ELEMENTS = {
    "report": cybertip.Report,
    "incidentSummary": cybertip.IncidentSummary,
    "reportAnnotations": cybertip.ReportAnnotations,
    "internetDetails": cybertip.InternetDetails,
    "webPageIncident": cybertip.WebPageIncident,
    "chatImIncident": cybertip.ChatImIncident,
    "reporter": cybertip.Reporter,
    "person": cybertip.Person,
    "contactPerson": cybertip.Person,
    "personOrUserReported": cybertip.PersonOrUserReported,
    "intendedRecipient": cybertip.IntendedRecipient,
    "fileDetails": cybertip.FileDetails,
    "fileAnnotations": cybertip.FileAnnotations,
}


def names(element: type[cybertip.Element]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(element)]


@pytest.mark.parametrize("name", ELEMENTS)
def test_fields_have_the_schemas_names_in_its_order_and_the_mandatory_ones_are_there(name) -> None:
    known, ordered, mandatory = children(name)
    ours = names(ELEMENTS[name])
    assert set(ours) <= set(known)
    assert mandatory <= set(ours)
    if ordered:
        assert ours == [each for each in known if each in ours]


def test_the_enumerations_are_the_schemas() -> None:
    root = etree.parse(schema_file()).getroot()
    for type_name, ours in (
        ("incidentType", cybertip.IncidentType),
        ("fileRelevance", cybertip.FileDetails.__annotations__["file_relevance"]),
    ):
        values = root.xpath(
            f"//*[local-name()='simpleType'][@name='{type_name}']//*[local-name()='enumeration']/@value"
        )
        said = msgspec.inspect.type_info(ours)
        literal = getattr(said, "values", None) or next(
            t.values for t in said.types if isinstance(t, msgspec.inspect.LiteralType)
        )
        assert set(literal) == set(values)


def full_case(**changes) -> CaseFile:
    one = opening(
        event(urls=["https://b.example/page"], surface="live"),
        match(labels=("self_generated",)),
        near(),
        generated(),
        url(),
        risk(pattern="sextortion", minor_involved=True),
        priority=0,
    )
    fields = {
        "opening": one,
        "repeats": [
            opening(event(f"e{i}", author=f"a{i}", conversation_id=f"k{i}")) for i in range(2, 14)
        ],
        "outcomes": [outcome(one, **viewing(classification="B2", annotations=("potentialMeme",)))],
        "reporter": REPORTER,
        "submission": SUBMITTED,
    }
    return CaseFile(**(fields | changes))


CASES = {
    "everything": full_case(),
    "one exact match": CaseFile(opening=opening(), reporter=REPORTER, submission=SUBMITTED),
    "a conversation": CaseFile(
        opening=opening(event(media=[]), risk()), reporter=REPORTER, submission=SUBMITTED
    ),
    "an address": CaseFile(
        opening=opening(
            event(urls=["https://b.example"], conversation_id=None, surface="post"), url()
        ),
        reporter=REPORTER,
        submission=SUBMITTED,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_complete_case_is_valid_xml(name) -> None:
    document = build_case(CASES[name])
    assert document.missing == []
    schema = validator()
    schema.assertValid(etree.fromstring(report_xml(document.report)))
    for entry in document.files:
        schema.assertValid(etree.fromstring(file_details_xml(entry.details)))


def test_json_and_xml_hold_the_same_in_the_same_order() -> None:
    report = build_case(full_case()).report
    in_json = msgspec.to_builtins(report)
    in_xml = [child.tag for child in etree.fromstring(report_xml(report))]
    assert list(dict.fromkeys(in_xml)) == list(in_json)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_whatever_ids_a_platform_has_the_xml_is_valid(author, recipient) -> None:
    schema = validator()
    happened = event(author=author)
    happened = msgspec.structs.replace(
        happened, recipients=[msgspec.structs.replace(happened.recipients[0], id=recipient)]
    )
    case = CaseFile(opening=opening(happened), reporter=REPORTER, submission=SUBMITTED)
    schema.assertValid(etree.fromstring(report_xml(build_case(case).report)))


def test_what_is_mandatory_and_unknown_is_listed_and_not_in_the_report() -> None:
    case = CaseFile(opening=opening(event(kind="user_report"), UserReport(), action="review"))
    document = build_case(case)
    assert document.missing == [
        "report.incidentSummary.incidentType",
        "report.reporter.reportingPerson",
        "fileDetails[m1].reportId",
        "fileDetails[m1].fileId",
    ]
    assert document.report.reporter is None
    assert "incidentType" not in msgspec.to_builtins(document.report)["incidentSummary"]
