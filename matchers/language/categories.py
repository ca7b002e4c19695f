"""The closed vocabulary of indicator categories, and the stages that they belong to.

The stages follow O'Connell, "A Typology of Child Cybersexploitation and Online Grooming
Practices" (2003): contact, trust, risk assessment, isolation (her exclusivity) and request; the
threat stage is the financial sextortion that NCMEC and Thorn have described since 2022.
"""

from typing import Literal, get_args

Category = Literal[
    "age_question",
    "age_statement",
    "flattery",
    "isolation",
    "secrecy",
    "platform_move",
    "image_request",
    "gift_offer",
    "meeting",
    "live_camera",
    "exposure_threat",
    "payment_demand",
    "urgency",
    "self_harm",
]
CATEGORIES: tuple[Category, ...] = get_args(Category)
"""In a fixed order: a category's place here is its index in stored state. Append only."""
CATEGORY_INDEX: dict[str, int] = {name: index for index, name in enumerate(CATEGORIES)}

RiskStage = Literal["contact", "trust", "risk_assessment", "isolation", "request", "threat"]
STAGES: tuple[RiskStage, ...] = get_args(RiskStage)

STAGE_OF: dict[Category, RiskStage | None] = {
    "age_question": "contact",
    "age_statement": None,
    "flattery": "trust",
    "gift_offer": "trust",
    "isolation": "risk_assessment",
    "secrecy": "isolation",
    "platform_move": "isolation",
    "image_request": "request",
    "meeting": "request",
    "live_camera": "request",
    "exposure_threat": "threat",
    "payment_demand": "threat",
    "urgency": None,
    "self_harm": None,
}
"""An age statement says who is there, urgency only colours, and self-harm is a call for help: none
of the three is a stage of an approach."""
