"""What `seawall cases list` and `show` say of a case beside its document."""

from streams.cases.file import CaseFile
from streams.cases.retention import due_for_deletion, preserve_until
from streams.cases.store import CaseState
from streams.contracts.case_record import CaseOpening
from streams.contracts.outcome import ReviewOutcome
from streams.feedback.effects import closing_outcome
from streams.settings import Settings


def case_row(state: CaseState, settings: Settings) -> dict[str, object]:
    """A case's state, and until when it is kept."""
    sent = state.submission
    return {
        **state._asdict(),
        "holds": [hold._asdict() for hold in state.holds],
        "preserve_until": preserve_until(sent.at, settings.cases.preserve_days) if sent else None,
        "delete_after": due_for_deletion(state, settings.cases) if not state.holds else None,
    }


def content_row(opening: CaseOpening) -> dict[str, object]:
    """The content that opened a case, and the rules that did."""
    decision = opening.decision
    return {
        "content_id": decision.content_id,
        "reasons": [{"rule": each.rule, "ground": each.ground} for each in decision.reasons],
    }


def contents(case: CaseFile) -> list[dict[str, object]]:
    """The content of a case and of what was folded into it, in the order of the document's."""
    return [
        {"case_id": each.case_id, "decision_id": each.decision.decision_id, **content_row(each)}
        for each in case.openings
    ]


def outcome_row(outcome: ReviewOutcome) -> dict[str, object]:
    """What somebody found, when, and in which role; not who."""
    return {
        "decision_id": outcome.decision_id,
        "target": outcome.target,
        "outcome": outcome.outcome,
        "reviewed_at": outcome.reviewed_at,
        "reviewer_role": outcome.reviewer_role,
    }


def closed_by(
    state: CaseState, opening: CaseOpening, told: list[ReviewOutcome]
) -> dict[str, object] | None:
    """The outcome that closed a case, of those `told` about its decision in the order of their
    coming; `None` of a case that is not closed."""
    if state.status != "closed":
        return None
    outcome = closing_outcome(opening.decision, told)
    return None if outcome is None else outcome_row(outcome)


def listed_cells(
    state: CaseState, opening: CaseOpening, row: dict[str, object]
) -> tuple[list[str], list[str]]:
    """A case's lines in the list: its id and its times; how it stands, and what opened it."""
    opened = state.opened_at.isoformat(timespec="minutes").replace("+00:00", "Z")
    times = [f"opened {opened}"] + [
        f"{words} {str(row[name])[:10]}"
        for name, words in (("delete_after", "delete after"), ("preserve_until", "preserve until"))
        if row[name] is not None
    ]
    status = state.status + (", held" if state.holds else "") + (", reversed" * state.reversed)
    about = [f"priority {state.priority}, {status}, report: {state.report}"]
    about += [f"{each.rule}: {each.ground}" for each in opening.decision.reasons]
    about.append(f"content {opening.decision.content_id}")
    if state.repeats:
        about.append(f"repeats: {state.repeats}")
    return [state.case_id, *times], about
