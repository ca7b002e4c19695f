"""Every number of the text-risk model, in one place. docs/tune-the-text-risk.md says how they
were set and how to set them anew."""

from matchers.language.categories import Category

# --- one message ---------------------------------------------------------------------------

VIEW_FACTORS = {"raw": 1.0, "folded": 1.0, "leet": 0.8, "despaced": 0.8}
"""A word that had to be undisguised is less sure to be what it seems."""

DISCOUNTS = {
    "negation": 0.15,
    "reported": 0.2,
    "quotation": 0.3,
    "advice": 0.1,
    "hyperbole": 0.15,
    "occasion": 0.2,
    "outing": 0.3,
}
"""What remains of an indicator's weight beside each cue; cues multiply."""

EVIDENCE_LEAST = 0.13
"""A message's weight in a category below which it is no evidence at all."""
SOLID = 0.5
"""The weight from which evidence is plain: undiscounted, in so many words. The composites that
may act upon a single message ask for it."""

# --- a conversation ------------------------------------------------------------------------

CATEGORY_POINTS: dict[Category, float] = {
    "age_question": 1.0,
    "age_statement": 0.0,
    "flattery": 0.8,
    "isolation": 1.6,
    "secrecy": 1.8,
    "platform_move": 1.2,
    "image_request": 1.8,
    "gift_offer": 1.0,
    "meeting": 1.2,
    "live_camera": 1.4,
    "exposure_threat": 2.4,
    "payment_demand": 1.4,
    "urgency": 0.4,
    "self_harm": 0.0,
}
"""Points for full evidence (strength 1) of one author in a category. An age statement is about
who is there and counts in the context; self-harm has a way of its own."""

HALF_LIFE_DAYS: dict[Category, float] = {
    "age_question": 30.0,
    "age_statement": 180.0,
    "flattery": 14.0,
    "isolation": 30.0,
    "secrecy": 30.0,
    "platform_move": 14.0,
    "image_request": 30.0,
    "gift_offer": 14.0,
    "meeting": 14.0,
    "live_camera": 30.0,
    "exposure_threat": 60.0,
    "payment_demand": 14.0,
    "urgency": 1.0,
    "self_harm": 3.0,
}
"""Days after which half of the evidence is left."""

PRESENT = 0.25
"""The strength from which a category counts as shown, for breadth and order."""
BREADTH_POINTS = 0.6
"""For every category shown beyond the first."""
ORDER_POINTS = 0.4
"""For every stage that is reached after an earlier one, in the order of the stages."""
PERSISTENCE_POINTS = 0.2
"""For every further message with evidence, up to `PERSISTENCE_CAP`."""
PERSISTENCE_CAP = 5

CONTEXT_FACTORS = {
    "minor_recipient": 0.35,
    "age_gap": 0.25,
    "new_account": 0.15,
    "first_contact": 0.1,
    "answered": 0.1,
    "user_report": 0.3,
    "stranger": 0.45,
    "peers": -0.4,
    "peers_declared": -0.25,
    "crowd": -0.4,
    "adults_only": -0.6,
    "no_child": -0.4,
    "family_talk": -0.15,
}
"""What the platform knows multiplies what was said (each adds its share of those points), so
that without evidence it says nothing."""

SPARE_THREATS = frozenset(("no_child", "family_talk"))
"""Factors that take nothing off a threat of exposure, which is one against whomever."""

NEW_ACCOUNT_DAYS = 30
FIRST_CONTACT_DAYS = 3
CROWD = 6
"""People in a conversation from which words are rather meant for nobody in particular."""

NOTE = 1.0
"""From here a signal is worth handing on."""
WATCH = 2.5
"""From here a conversation is worth a second look if anything else points to it."""
REVIEW = 3.6
"""From here a person should look."""
REVIEW_CATEGORIES = 2
"""Categories of one author that `review` needs, besides the points."""
CORE: frozenset[Category] = frozenset(
    ("isolation", "secrecy", "image_request", "live_camera", "exposure_threat", "payment_demand")
)
CORE_ACROSS_AGES: frozenset[Category] = frozenset(("meeting", "gift_offer"))
"""Of the categories shown, `review` needs one of `CORE`, or, to a minor, one of these from an
adult, or among `CORE_BREADTH` categories from anyone: asking for ages, praise and other apps are
what any two strangers talk about."""
CORE_BREADTH = 4
REVIEW_MESSAGES = 2
"""Messages of one author with evidence that `review` needs: no single message raises it."""

COMPOSITE_WINDOW_HOURS = 24.0
"""Within which a threat of exposure and a payment demand are one act."""
COMPOSITE_HALF_LIFE_DAYS = 30.0
"""After which a complete pattern no longer raises `review` by itself."""
COMPOSITE_POINTS = 6.0
"""What an explicit exception adds, so that the level follows from the points."""

ANSWER_MINUTES = 30
"""After a question for the age, a bare number is an answer."""

AGE_LIMIT = 18
"""Below this a stated age is a minor's."""

# --- a sender ------------------------------------------------------------------------------

SENDER_WINDOW_DAYS = 7
"""Approaches of the running window of this many days, and of the one before, count together."""
SENDER_RECIPIENT_POINTS = 0.5
SENDER_MINOR_POINTS = 1.0
SENDER_ALIKE_POINTS = 1.0
"""For every doubling of recipients, of minors among them, and of those approached with
near-identical words."""
SENDER_ALIKE_SIMILARITY = 0.7
"""Estimated Jaccard similarity from which two openings are near-identical."""
SENDER_WATCH = 3.0
SENDER_REVIEW = 6.0
"""At `review`, a sender approached some eight minors in two weeks, or some twelve people alike."""
