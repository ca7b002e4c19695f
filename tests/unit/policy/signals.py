"""Events and signals to judge."""

from datetime import UTC, datetime
from typing import get_args

from hypothesis import strategies as st

from matchers.language.categories import CATEGORIES
from matchers.language.conversation import LEVELS
from matchers.language.state import Pattern
from streams.contracts.event import Author, ContentEvent, Recipient
from streams.contracts.signal import (
    HashMatch,
    Provenance,
    TextMatch,
    TextRisk,
    UrlMatch,
    UserReport,
)
from streams.policy.load import default_policy

RADIUS = 31
CLOSENESS = default_policy().closeness


def event(author="unknown", recipients=("unknown",), **changes) -> ContentEvent:
    fields = {
        "event_id": "e1",
        "tenant": "acme",
        "kind": "created",
        "occurred_at": datetime(2026, 3, 1, tzinfo=UTC),
        "content_id": "c1",
        "surface": "message",
        "author": Author(id="a1", age_band=author),
        "recipients": [Recipient(id=f"r{i}", age_band=b) for i, b in enumerate(recipients)],
        "conversation_id": "k1",
    }
    return ContentEvent(**(fields | changes))


def listed(**changes) -> dict:
    return {
        "list": "hotline-a",
        "entry": "1",
        "role": "block",
        "category": "a1",
        "source_kind": "hotline",
        "verified": True,
    } | changes


def digest(**changes) -> HashMatch:
    fields = {"media_id": "m1", "algorithm": "md5", "distance": 0, "radius": 0}
    return HashMatch(**(fields | {"hash_origin": "server"} | listed(**changes)))


def perceptual(distance=4, quality=100, **changes) -> HashMatch:
    fields = {"media_id": "m1", "algorithm": "pdq", "radius": RADIUS, "hash_origin": "server"}
    return HashMatch(**(fields | {"distance": distance, "quality": quality} | listed(**changes)))


def url(**changes) -> UrlMatch:
    return UrlMatch(**({"url_index": 0} | listed(**changes)))


def text(similarity=0.97, **changes) -> TextMatch:
    return TextMatch(**({"algorithm": "minhash", "similarity": similarity} | listed(**changes)))


def risk(level="review", categories=("secrecy",), **changes) -> TextRisk:
    fields = {"scope": "conversation", "score": 5.0, "hits": (), "parts": ()}
    return TextRisk(**(fields | {"level": level, "categories": categories} | changes))


_listed = {
    "role": st.sampled_from(["block", "hold", "review", "observe"]),
    "source_kind": st.sampled_from(["hotline", "victim", "industry", "own"]),
    "verified": st.booleans(),
}
_media = {"media_id": st.sampled_from(["m1", "m2"])}
_origin = {"hash_origin": st.sampled_from(["server", "client_attested", "client_unverified"])}
digests = st.builds(digest, **_listed, **_media, **_origin)
perceptuals = st.builds(
    perceptual,
    st.integers(0, RADIUS),
    st.none() | st.integers(50, 100),
    algorithm=st.sampled_from(["pdq", "phash", "vpdq"]),
    **_listed,
    **_media,
    **_origin,
)
risks = st.builds(
    risk,
    st.sampled_from(LEVELS),
    st.lists(st.sampled_from(CATEGORIES), min_size=1, max_size=3, unique=True).map(tuple),
    pattern=st.none() | st.sampled_from(get_args(Pattern)),
    scope=st.sampled_from(["conversation", "sender"]),
    minor_involved=st.booleans(),
    on_trial=st.booleans(),
)
evidence = st.one_of(
    digests,
    perceptuals,
    risks,
    st.builds(url, **_listed),
    st.builds(text, st.floats(0.5, 1), **_listed),
    st.builds(UserReport, reporter_age_band=st.sampled_from(["unknown", "13_15", "adult"])),
    st.builds(
        Provenance,
        media_id=st.just("m1"),
        standing=st.sampled_from(["signed", "claimed"]),
        evidence=st.sampled_from(["trainedAlgorithmicMedia", "digitalCapture"]),
    ),
)
allows = st.one_of(
    st.builds(digest, role=st.just("allow"), **_media),
    st.builds(perceptual, st.integers(0, RADIUS), role=st.just("allow"), **_media),
    st.builds(url, role=st.just("allow")),
    st.builds(text, st.floats(0.5, 1), role=st.just("allow")),
)
events = st.builds(
    event,
    st.sampled_from(["unknown", "adult", "13_15"]),
    st.lists(st.sampled_from(["unknown", "adult", "under_13"]), max_size=2),
    surface=st.sampled_from(["message", "post", "live"]),
)
