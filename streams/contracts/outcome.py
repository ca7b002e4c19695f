"""`ReviewOutcome`: what a person found when they looked at a decision's target."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from streams.contracts.decision import TargetKind
from streams.contracts.event import Timestamp
from streams.contracts.values import Id

ReviewResult = Literal["confirmed", "rejected", "unsure", "appeal_granted", "appeal_denied"]
"""`confirmed` and `rejected` are of a review, the last two of an appeal by whom it concerned."""

IndustryClassification = Literal["A1", "A2", "B1", "B2"]
"""The industry's classification of a file; the terms are those of the public CyberTipline schema.
Only people give one."""

FileAnnotation = Literal[
    "potentialMeme",
    "viral",
    "possibleSelfProduction",
    "liveStreaming",
    "generativeAi",
]
"""What a reviewer may say of a file; names of the public CyberTipline schema."""

Role = Annotated[str, Meta(min_length=1, max_length=64)]


class ReviewTarget(Struct, frozen=True, kw_only=True, gc=False):
    """The target of the decision that was looked at, as the decision names it."""

    kind: TargetKind
    id: Id


class ReviewOutcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One outcome, on `review.outcomes`. `reviewed_at` is when the person decided.

    `viewed_by` (an opaque id) with `viewed_at` say that this person looked at the file itself,
    `exif_viewed_by` and `exif_viewed_at` at its embedded metadata: neither is taken for granted.
    `sampled` says that the task came from the control sample (`Decision.sampled`), not from the
    queue. Records of the same decision, target, outcome and time are repeats of one.
    """

    schema_version: Literal[1] = 1
    decision_id: Id
    target: ReviewTarget
    outcome: ReviewResult
    reviewed_at: Timestamp
    reviewer_role: Role
    viewed_by: Id | None = None
    viewed_at: Timestamp | None = None
    exif_viewed_by: Id | None = None
    exif_viewed_at: Timestamp | None = None
    classification: IndustryClassification | None = None
    annotations: Annotated[tuple[FileAnnotation, ...], Meta(max_length=16)] = ()
    sampled: bool = False

    def __post_init__(self) -> None:
        for who, when in (("viewed_by", "viewed_at"), ("exif_viewed_by", "exif_viewed_at")):
            if (getattr(self, who) is None) != (getattr(self, when) is None):
                raise ValueError(f"{who} and {when} are given together or not at all")
        if self.classification is not None and self.viewed_by is None:
            raise ValueError("a classification needs viewed_by and viewed_at")
