"""A report in the shape of the public CyberTipline schema: its names, in its order.

The schema is the one that NCMEC publishes for electronic service providers, as of November 2025.
Only the fields that Seawall can fill, or that a platform's own file fills, are here; the order of
the others is kept free. The words of the enumerations are the schema's own.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

IncidentType = Literal[
    "Child Pornography (possession, manufacture, and distribution)",
    "Child Sex Trafficking",
    "Child Sex Tourism",
    "Child Sexual Molestation",
    "Misleading Domain Name",
    "Misleading Words or Digital Images on the Internet",
    "Online Enticement of Children for Sexual Acts",
    "Unsolicited Obscene Material Sent to a Child",
]
MATERIAL: IncidentType = "Child Pornography (possession, manufacture, and distribution)"
ENTICEMENT: IncidentType = "Online Enticement of Children for Sexual Acts"


class Element(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """An element of the schema: its fields are its children, in the order that the schema wants.
    `None` and an empty list are left out."""


class BatchedReport(Element, frozen=True, kw_only=True):
    """Says that one report stands for many; `reason` is an attribute in XML."""

    reason: Literal["VIRAL_POTENTIAL_MEME"]


class ReportAnnotations(Element, frozen=True, kw_only=True):
    """Tags; each is true or left out."""

    sextortion: Literal[True] | None = None
    csam_solicitation: Literal[True] | None = None
    minor_to_minor_interaction: Literal[True] | None = None


class IncidentSummary(Element, frozen=True, kw_only=True):
    """`incident_type` and `incident_date_time` are mandatory."""

    incident_type: IncidentType | None = None
    platform: str | None = None
    escalate_to_high_priority: str | None = None
    report_annotations: ReportAnnotations | None = None
    incident_date_time: datetime
    incident_date_time_description: str | None = None


class WebPageIncident(Element, frozen=True, kw_only=True):
    """Something that was to be seen at an address."""

    url: list[str] = []
    additional_info: str | None = None


class ChatImIncident(Element, frozen=True, kw_only=True):
    """Something that was sent in a conversation."""

    chat_client: str | None = None
    chat_room_name: str | None = None
    additional_info: str | None = None


class InternetDetails(Element, frozen=True, kw_only=True):
    """Exactly one of its fields."""

    web_page_incident: WebPageIncident | None = None
    chat_im_incident: ChatImIncident | None = None


class Person(Element, frozen=True, kw_only=True):
    """A person, as far as the platform says who."""

    first_name: str | None = None
    last_name: str | None = None
    phone: list[str] = []
    email: list[str] = []


class Reporter(Element, frozen=True, kw_only=True):
    """Who reports: the platform's own words. `reporting_person` is mandatory."""

    reporting_person: Person | None = None
    contact_person: Person | None = None
    company_template: str | None = None
    terms_of_service: str | None = None
    legal_url: str | None = field(name="legalURL", default=None)


class PersonOrUserReported(Element, frozen=True, kw_only=True):
    """The account that did it, by the platform's own id."""

    esp_identifier: str | None = None
    esp_service: str | None = None
    additional_info: str | None = None


class IntendedRecipient(Element, frozen=True, kw_only=True):
    """An account that it was sent to, by the platform's own id."""

    esp_identifier: str | None = None
    esp_service: str | None = None
    additional_info: list[str] = []


class Report(Element, frozen=True, kw_only=True):
    """The root element `report`."""

    batched_report: BatchedReport | None = None
    incident_summary: IncidentSummary
    internet_details: list[InternetDetails] = []
    reporter: Reporter | None = None
    person_or_user_reported: list[PersonOrUserReported] = []
    intended_recipient: list[IntendedRecipient] = []
    additional_info: str | None = None


class FileAnnotations(Element, frozen=True, kw_only=True):
    """Tags of a file; each is true or left out."""

    potential_meme: Literal[True] | None = None
    viral: Literal[True] | None = None
    possible_self_production: Literal[True] | None = None
    live_streaming: Literal[True] | None = None
    generative_ai: Literal[True] | None = None


class FileHash(Element, frozen=True, kw_only=True):
    """A hash of the file; `hash_type` is an attribute in XML, `value` the element's text."""

    hash_type: str
    value: str


class FileDetails(Element, frozen=True, kw_only=True):
    """The root element `fileDetails`, one for each file. `report_id` and `file_id` are mandatory
    and are given out by the hotline. That people have viewed is always said, true or false."""

    report_id: int | None = None
    file_id: str | None = None
    file_viewed_by_esp: bool
    exif_viewed_by_esp: bool
    file_relevance: Literal["Reported", "Supplemental Reported"] | None = None
    file_annotations: FileAnnotations | None = None
    industry_classification: Literal["A1", "A2", "B1", "B2"] | None = None
    original_file_hash: list[FileHash] = []
    additional_info: list[str] = []
