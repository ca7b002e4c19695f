"""What a case says, and what it never says by itself."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.cases.building import build_case
from streams.cases.cybertip import ENTICEMENT, MATERIAL
from streams.cases.file import CaseFile
from streams.contracts.outcome import ReviewOutcome
from streams.contracts.signal import UserReport
from tests.unit.cases.occurrences import (
    AT,
    claimed,
    event,
    generated,
    match,
    near,
    opening,
    outcome,
    picture,
    risk,
    url,
    viewing,
)

SIGNALS = st.lists(
    st.sampled_from(
        [
            match(),
            near(),
            match(role="hold", source_kind="victim"),
            generated(),
            generated("signed"),
            url(),
            risk(),
            risk(pattern="sextortion"),
            UserReport(),
        ]
    ),
    min_size=1,
    max_size=6,
).filter(lambda signals: any(s.__class__.__name__ != "Provenance" for s in signals))
NOT_VIEWED = st.lists(
    st.sampled_from(["confirmed", "rejected", "unsure", "appeal_denied"]), max_size=4
)


def details(case: CaseFile):
    return [entry.details for entry in build_case(case).files]


@settings(deadline=None)
@given(SIGNALS, NOT_VIEWED, st.integers(0, 4), st.integers(0, 12))
def test_nothing_automatic_says_that_a_person_viewed_a_file(
    signals, results, priority, repeats
) -> None:
    one = opening(event(urls=["https://b.example"]), *signals, priority=priority)
    case = CaseFile(
        opening=one,
        repeats=[opening(event(f"r{i}", author=f"x{i}"), *signals) for i in range(repeats)],
        outcomes=[outcome(one, result, annotations=("generativeAi",)) for result in results],
    )
    for found in details(case):
        assert found.file_viewed_by_esp is False
        assert found.exif_viewed_by_esp is False
        assert found.industry_classification is None
    assert "no person at the company has viewed" in str(build_case(case).report.additional_info)


def test_a_view_that_says_who_and_when_counts_for_that_file_alone() -> None:
    one = opening(event(media=[picture(), picture("m2", sha256="11" * 32)]))
    first, second = details(CaseFile(opening=one, outcomes=[outcome(one, **viewing())]))
    assert (first.file_viewed_by_esp, first.exif_viewed_by_esp) == (True, False)
    assert second.file_viewed_by_esp is False


def test_looking_at_the_metadata_is_told_apart() -> None:
    one = opening()
    looked = outcome(one, exif_viewed_by="reviewer-1", exif_viewed_at=AT)
    [found] = details(CaseFile(opening=one, outcomes=[looked]))
    assert (found.file_viewed_by_esp, found.exif_viewed_by_esp) == (False, True)


def test_a_view_without_a_time_or_a_person_is_refused_as_a_record() -> None:
    raw = msgspec.to_builtins(outcome(opening()))
    for lone in ({"viewed_by": "r"}, {"viewed_at": AT.isoformat()}, {"classification": "A1"}):
        with pytest.raises(msgspec.ValidationError, match="viewed_by and viewed_at"):
            msgspec.convert(raw | lone, ReviewOutcome)


def test_seeing_one_copy_of_the_same_bytes_is_seeing_the_file_but_not_one_that_is_alike() -> None:
    one, again = opening(), opening(event("e2", author="a2"))
    [found] = details(
        CaseFile(opening=one, repeats=[again], outcomes=[outcome(again, **viewing())])
    )
    assert found.file_viewed_by_esp
    alike = [picture(pdq="0f" * 32)]
    one, again = opening(event(media=alike), near()), opening(event("e2", media=alike), near())
    found = details(CaseFile(opening=one, repeats=[again], outcomes=[outcome(again, **viewing())]))
    assert [each.file_viewed_by_esp for each in found] == [False, True]


def test_the_latest_classification_stands() -> None:
    one = opening()
    said = [
        outcome(one, **viewing(classification="A1")),
        outcome(one, **viewing(classification="B1", reviewed_at=AT + timedelta(hours=1))),
    ]
    [found] = details(CaseFile(opening=one, outcomes=said))
    assert found.industry_classification == "B1"


def test_a_match_says_its_kind_and_who_verified_the_original() -> None:
    [entry] = build_case(CaseFile(opening=opening(event(), match(), near(verified_by="")))).files
    assert [(m.kind, m.verified_by) for m in entry.matches] == [
        ("exact", "Example Trust"),
        ("perceptual", ""),
    ]
    assert not entry.new
    assert "verified by Example Trust" in entry.details.additional_info[0]
    assert "nobody" in entry.details.additional_info[1]


def test_new_means_unknown_to_the_lists() -> None:
    [entry] = build_case(CaseFile(opening=opening(event(), risk()))).files
    assert entry.new
    assert entry.details.file_relevance == "Supplemental Reported"


@pytest.mark.parametrize("make", [picture, claimed])
def test_files_that_share_an_id_are_files_of_their_own(make) -> None:
    happened = event(media=[make(sha256="aa" * 32), make(sha256="bb" * 32)])
    entries = build_case(CaseFile(opening=opening(happened, match(item=1)))).files
    assert [entry.new for entry in entries] == [True, False]
    hashes = [entry.details.original_file_hash for entry in entries]
    assert [h.value for each in hashes for h in each or []] == ["aa" * 32, "bb" * 32]


def test_generative_ai_is_told_with_its_standing() -> None:
    for standing, word in (("claimed", "unsigned"), ("signed", "signed manifest")):
        [entry] = build_case(CaseFile(opening=opening(event(), match(), generated(standing)))).files
        assert entry.details.file_annotations is not None
        assert entry.details.file_annotations.generative_ai
        assert word in entry.details.additional_info[1]
    camera = generated("signed", evidence="c2pa: digitalCapture")
    [entry] = build_case(CaseFile(opening=opening(event(), match(), camera))).files
    assert entry.details.file_annotations is None


def test_self_production_and_live_come_from_labels_and_surface() -> None:
    labelled = opening(event(surface="live"), match(labels=("self_generated",)))
    [found] = details(CaseFile(opening=labelled))
    assert found.file_annotations is not None
    assert found.file_annotations.possible_self_production
    assert found.file_annotations.live_streaming
    assert found.file_annotations.viral is None


def test_viral_is_the_same_file_from_many_accounts_and_makes_the_report_a_batch() -> None:
    few = [opening(event(f"e{i}", author=f"x{i}")) for i in range(8)]
    many = [opening(event(f"e{i}", author=f"x{i}")) for i in range(9)]
    once = build_case(CaseFile(opening=opening(), repeats=few)).report
    batch = build_case(CaseFile(opening=opening(), repeats=many)).report
    assert once.batched_report is None
    assert batch.batched_report is not None
    assert len(batch.person_or_user_reported) == 10
    same_account = [opening(event(f"e{i}")) for i in range(30)]
    assert (
        build_case(CaseFile(opening=opening(), repeats=same_account)).report.batched_report is None
    )


def test_types_and_annotations_follow_the_signals() -> None:
    def summary(*signals, **changes):
        return build_case(
            CaseFile(opening=opening(event(**changes), *signals))
        ).report.incident_summary

    assert summary(match()).incident_type == MATERIAL
    assert summary(match(), risk()).incident_type == ENTICEMENT
    assert summary(risk(pattern="self_harm", categories=("self_harm",))).incident_type is None
    found = summary(risk(pattern="sextortion"), band="16_17").report_annotations
    assert found is not None
    assert found.sextortion
    assert found.csam_solicitation
    assert found.minor_to_minor_interaction
    found = summary(risk(categories=("secrecy",)), recipients=("adult",)).report_annotations
    assert found is None
    assert summary(match()).report_annotations is None


def test_only_priority_0_escalates_and_a_folded_case_makes_it_urgent() -> None:
    calm, urgent = opening(priority=1), opening(event("e2"), risk(), priority=0)
    assert (
        build_case(CaseFile(opening=calm)).report.incident_summary.escalate_to_high_priority is None
    )
    both = build_case(CaseFile(opening=calm, repeats=[urgent]))
    assert both.case.priority == 0
    assert "may be in danger now" in str(both.report.incident_summary.escalate_to_high_priority)


@pytest.mark.parametrize(("account", "reported"), [("r0", ["r0"]), (None, [])])
def test_a_child_whose_age_completes_a_risk_is_not_who_is_reported(account, reported) -> None:
    said = event(author="child", band="13_15", recipients=("unknown",))
    of_other = risk(pattern="minor_image_request", of_other=True, account_id=account)
    report = build_case(CaseFile(opening=opening(said, of_other))).report
    assert [person.esp_identifier for person in report.person_or_user_reported] == reported
    recipients = {person.esp_identifier for person in report.intended_recipient}
    assert recipients == {"child", "r0"} - set(reported)
    both = build_case(CaseFile(opening=opening(said, of_other, match()))).report
    assert {p.esp_identifier for p in both.person_or_user_reported} == {"child", *reported}


def test_what_an_adult_asked_a_child_is_not_between_minors() -> None:
    said = event(author="child", band="13_15", recipients=("unknown", "13_15"))
    of_other = risk(pattern="minor_image_request", of_other=True, account_id="r0")
    tags = build_case(CaseFile(opening=opening(said, of_other))).report.incident_summary
    assert tags.report_annotations is not None
    assert not tags.report_annotations.minor_to_minor_interaction


def test_who_reports_is_never_named_as_reported() -> None:
    told = opening(event(kind="user_report"), UserReport(), action="review", report=False)
    report = build_case(CaseFile(opening=told)).report
    assert report.person_or_user_reported == []
    assert report.intended_recipient == []


def test_a_view_of_one_file_says_nothing_of_another_whose_digest_is_only_claimed() -> None:
    first = opening()
    for seen, other in [
        (first, opening(event("e2", author="a2", media=[claimed()]))),
        (opening(event("e3", media=[claimed()])), opening(event("e4", media=[claimed()]))),
    ]:
        case = CaseFile(opening=seen, repeats=[other], outcomes=[outcome(seen, **viewing())])
        assert [found.file_viewed_by_esp for found in details(case)] == [True, False]


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        (["created"], "Found automatically; no"),
        (["user_report"], "Reported by a user; no"),
        (["user_report", "created"], "Found automatically and reported by a user; no"),
    ],
)
def test_how_it_was_found_is_told(kinds, words) -> None:
    first, *more = [
        opening(event(f"e{n}", kind=kind), UserReport(), action="review", report=False)
        for n, kind in enumerate(kinds)
    ]
    assert words in str(build_case(CaseFile(opening=first, repeats=more)).report.additional_info)
