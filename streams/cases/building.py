"""A case's document: a report in the shape of the public schema, from facts alone.

Nothing is invented: what the schema demands and nobody has said is listed in `missing`.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from matchers.language.state import MINOR_BANDS
from streams.cases.cybertip import (
    ENTICEMENT,
    MATERIAL,
    BatchedReport,
    ChatImIncident,
    IncidentSummary,
    IncidentType,
    IntendedRecipient,
    InternetDetails,
    PersonOrUserReported,
    Report,
    ReportAnnotations,
    Reporter,
    WebPageIncident,
)
from streams.cases.file import CaseFile, ReporterFile
from streams.cases.files import FileEntry, file_entries
from streams.cases.opening import accounts_of, case_grounds
from streams.contracts.case_record import CaseOpening
from streams.contracts.signal import HashMatch, Signal, TextMatch, TextRisk, UrlMatch

SELF_HARM = "self_harm"
_IMAGE_REQUESTS = frozenset({"image_request", "minor_image_request"})


class CaseSummary(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the case is to the platform. `report` says that the policy asks for one; `folded` are
    the cases that this one stands for."""

    case_id: str
    tenant: str
    priority: int
    report: bool
    decision_id: str
    rules: list[str]
    folded: list[str] = []


class CaseDocument(Struct, frozen=True, kw_only=True):
    """`missing` are paths of mandatory fields that nobody has filled."""

    case: CaseSummary
    report: Report
    files: list[FileEntry]
    missing: list[str]


def build_case(case: CaseFile) -> CaseDocument:
    """The document of a case as it is now."""
    openings = case.openings
    grounds = [(opening, s) for opening in openings for s in case_grounds(opening.decision)]
    signals = [signal for _, signal in grounds]
    files = file_entries(case)
    reasons = list(dict.fromkeys(r for o in openings for r in o.decision.reasons))
    reported = _reported(openings, case.reporter)
    report = Report(
        batched_report=_batched(openings, files),
        incident_summary=IncidentSummary(
            incident_type=_incident_type(signals),
            platform=case.reporter.platform if case.reporter else None,
            escalate_to_high_priority=_escalation(case),
            report_annotations=_annotations(openings, signals),
            incident_date_time=case.opening.occurred_at,
            incident_date_time_description="As the platform's event says, no later than the time "
            "at which it was received.",
        ),
        internet_details=_internet_details(openings),
        reporter=_reporter(case.reporter),
        person_or_user_reported=reported,
        intended_recipient=_recipients(openings, case.reporter),
        additional_info="\n".join(_additional(case, [reason.ground for reason in reasons])),
    )
    return CaseDocument(
        case=CaseSummary(
            case_id=case.opening.case_id,
            tenant=case.opening.decision.tenant,
            priority=case.priority,
            report=any(opening.decision.report for opening in openings),
            decision_id=case.opening.decision.decision_id,
            rules=[reason.rule for reason in reasons],
            folded=[repeat.case_id for repeat in case.repeats],
        ),
        report=report,
        files=files,
        missing=missing_fields(report, files),
    )


def missing_fields(report: Report, files: Sequence[FileEntry]) -> list[str]:
    """The paths of mandatory fields that are not filled."""
    missing: list[str] = []
    if report.incident_summary.incident_type is None:
        missing.append("report.incidentSummary.incidentType")
    if report.reporter is None:
        missing.append("report.reporter.reportingPerson")
    for entry in files:
        if entry.details.report_id is None:
            missing.append(f"fileDetails[{entry.media_id}].reportId")
        if entry.details.file_id is None:
            missing.append(f"fileDetails[{entry.media_id}].fileId")
    return missing


def _incident_type(signals: Iterable[Signal]) -> IncidentType | None:
    """Risk in a conversation outranks material: a child is being spoken to. A report by a person,
    or a call for help, says of no type by itself."""
    found: IncidentType | None = None
    for signal in signals:
        if isinstance(signal, TextRisk) and signal.pattern != SELF_HARM:
            return ENTICEMENT
        if isinstance(signal, HashMatch | UrlMatch | TextMatch):
            found = MATERIAL
    return found


def _annotations(
    openings: Sequence[CaseOpening], signals: Sequence[Signal]
) -> ReportAnnotations | None:
    risks = [signal for signal in signals if isinstance(signal, TextRisk)]
    to_child = any(_to_child(opening) for opening in openings)
    between = any(
        opening.author.age_band in MINOR_BANDS
        and opening.author.id in accounts_of(opening)
        and _to_child(opening)
        for opening in openings
    )
    tags = ReportAnnotations(
        sextortion=_tag(any(risk.pattern == "sextortion" for risk in risks)),
        csam_solicitation=_tag(
            any(
                (to_child or risk.minor_involved)
                and not _IMAGE_REQUESTS.isdisjoint((*risk.categories, risk.pattern or ""))
                for risk in risks
            )
        ),
        minor_to_minor_interaction=_tag(bool(risks) and between),
    )
    return tags if tags != ReportAnnotations() else None


def _to_child(opening: CaseOpening) -> bool:
    return any(recipient.age_band in MINOR_BANDS for recipient in opening.recipients)


def _tag(holds: bool) -> Literal[True] | None:
    return True if holds else None


def _batched(openings: Sequence[CaseOpening], files: Sequence[FileEntry]) -> BatchedReport | None:
    """One report for many accounts is batched; the schema knows one reason for it, so that only
    what circulates so widely as to be viral is."""
    viral = any(
        entry.details.file_annotations is not None and entry.details.file_annotations.viral
        for entry in files
    )
    several = len({account for opening in openings for account in accounts_of(opening)}) > 1
    return BatchedReport(reason="VIRAL_POTENTIAL_MEME") if viral and several else None


def _escalation(case: CaseFile) -> str | None:
    if case.priority > 0:
        return None
    urgent = next(o for o in case.openings if o.decision.priority == 0)
    grounds = "; ".join(reason.ground for reason in urgent.decision.reasons)
    return f"A child may be in danger now. {grounds}".strip()


def _internet_details(openings: Sequence[CaseOpening]) -> list[InternetDetails]:
    addresses = list(dict.fromkeys(listed.url for o in openings for listed in o.urls))
    in_chat = any(
        opening.decision.surface == "message" or opening.decision.conversation_id is not None
        for opening in openings
    )
    details: list[InternetDetails] = []
    if in_chat:
        details.append(InternetDetails(chat_im_incident=ChatImIncident()))
    if addresses or not in_chat:
        details.append(InternetDetails(web_page_incident=WebPageIncident(url=addresses)))
    return details


def _reporter(words: ReporterFile | None) -> Reporter | None:
    if words is None:
        return None
    return Reporter(
        reporting_person=words.reporting_person.element(),
        contact_person=words.contact_person.element() if words.contact_person else None,
        company_template=words.company_template,
        terms_of_service=words.terms_of_service,
        legal_url=words.legal_url,
    )


def _reported(
    openings: Sequence[CaseOpening], words: ReporterFile | None
) -> list[PersonOrUserReported]:
    """Whom the occurrences are about: nobody for having reported one."""
    accounts = dict.fromkeys(id for o in openings for id in sorted(accounts_of(o)))
    service = words.esp_service if words else None
    return [PersonOrUserReported(esp_identifier=id, esp_service=service) for id in accounts]


def _recipients(
    openings: Sequence[CaseOpening], words: ReporterFile | None
) -> list[IntendedRecipient]:
    recipients = dict.fromkeys(
        id
        for o in openings
        if o.kind != "user_report"
        for id in (o.author.id, *(recipient.id for recipient in o.recipients))
        if id not in accounts_of(o)
    )
    service = words.esp_service if words else None
    return [IntendedRecipient(esp_identifier=id, esp_service=service) for id in recipients]


_FOUND = {False: "found automatically", True: "reported by a user"}


def _additional(case: CaseFile, grounds: Sequence[str]) -> list[str]:
    lines = [f"Case {case.opening.case_id}."]
    if case.repeats:
        lines.append(f"It stands for {len(case.openings)} occurrences of the same.")
    viewed = any(o.viewed_by is not None for o in case.outcomes)
    if not viewed:
        kinds = {opening.kind == "user_report" for opening in case.openings}
        found = " and ".join(_FOUND[reported] for reported in sorted(kinds)).capitalize()
        lines.append(f"{found}; no person at the company has viewed the content.")
    lines += [f"Ground: {ground}" for ground in grounds]
    return lines
