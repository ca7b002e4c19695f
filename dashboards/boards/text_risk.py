"""Text risk: what conversations show, and whether that changes."""

from dashboards.boards.model import HERE, RATE, Board, Panel, Query, Row

_CATEGORIES = "seawall_text_risk_categories_total"
_RISK = "seawall_text_risk_total"
_EVENTS = "seawall_event_languages_total"
_ALARM = f'{HERE}, level!="note"'


def _per_million(found: str, by: str, window: str = RATE) -> str:
    return (
        f"1e6 * sum by ({by}) (rate({found}{window}))"
        f" / scalar(sum(rate({_EVENTS}{{{HERE}}}{window})) > 0)"
    )


def _by_category(window: str) -> str:
    return _per_million(f"{_CATEGORIES}{{{HERE}}}", "category", window)


def _by_language(window: str) -> str:
    return (
        f"1e6 * sum by (language) (rate({_CATEGORIES}{{{HERE}}}{window}))"
        f" / (sum by (language) (rate({_EVENTS}{{{HERE}}}{window})) > 0)"
    )


_NOW = Row(
    "Per million events",
    (
        Panel(
            "Signals by level",
            "Text-risk signals by level, per million events. A `note` changes no decision by the "
            "default policy.",
            "short",
            (Query(_per_million(f"{_RISK}{{{HERE}}}", "level"), "{{level}}"),),
        ),
        Panel(
            "Alarms by pattern",
            "Composite patterns such as sextortion, per million events; the empty name is of "
            "signals by their score alone.",
            "short",
            (Query(_per_million(f"{_RISK}{{{_ALARM}}}", "pattern"), "{{pattern}}"),),
        ),
        Panel(
            "Signals by category",
            "What was found, per million events. A signal counts for each of its categories.",
            "short",
            (Query(_by_category(RATE), "{{category}}"),),
        ),
        Panel(
            "Findings by language",
            "Categories found, per million events of that language. A language far above the "
            "others is a sign of false alarms; one at 0, of a catalogue that finds nothing.",
            "short",
            (Query(_by_language(RATE), "{{language}}"),),
            width=12,
        ),
        Panel(
            "Events by language",
            "As the platform gives it. `unknown`: it gave none; `other`: there is no catalogue for "
            "it, and next to nothing is found.",
            "eps",
            (
                Query(
                    f"sum by (language) (rate({_EVENTS}{{{HERE}}}{RATE}))",
                    "{{language}}",
                ),
            ),
            width=12,
        ),
    ),
)

_WEEK = Row(
    "Against last week",
    (
        Panel(
            "Categories against last week",
            "Findings per million events over six hours, as a multiple of the same hours a week "
            "ago.",
            "short",
            (
                Query(
                    f"({_by_category('[6h]')}) / ({_by_category('[6h] offset 1w')})",
                    "{{category}}",
                ),
            ),
            of_weeks=True,
            width=12,
        ),
        Panel(
            "Languages against last week",
            "The same by language.",
            "short",
            (
                Query(
                    f"({_by_language('[6h]')}) / ({_by_language('[6h] offset 1w')})",
                    "{{language}}",
                ),
            ),
            of_weeks=True,
            width=12,
        ),
    ),
)

_PEOPLE = Row(
    "People",
    (
        Panel(
            "Precision of indicators",
            "Share of alarms that reviewers confirmed in the last 30 days, by indicator and "
            "sample.",
            "percentunit",
            (
                Query(
                    f'max by (name, sample) (seawall_review_precision{{{HERE}, kind="indicator"}})',
                    "{{name}} ({{sample}})",
                ),
            ),
            width=12,
        ),
        Panel(
            "Tasks that wait for a person",
            "Cases and alarms to look at, within a day's budget and below it, by priority.",
            "short",
            (
                Query(
                    f"sum by (line, priority) (seawall_review_tasks{{{HERE}}})",
                    "{{line}}, priority {{priority}}",
                ),
            ),
            alerts=("SeawallCasesBehind",),
            width=12,
        ),
    ),
)

BOARD = Board(
    "seawall-text-risk",
    "Seawall / Text risk",
    "What conversations show, by category and language, per million events and against last week.",
    (_NOW, _WEEK, _PEOPLE),
    by_stage=False,
)
