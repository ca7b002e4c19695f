"""Content events as JSON objects: one with little, one with every field."""

from typing import Any

from hypothesis import strategies as st

MINIMAL: dict[str, Any] = {
    "event_id": "e-1",
    "tenant": "example",
    "kind": "created",
    "occurred_at": "2026-01-31T12:00:00Z",
    "content_id": "c-1",
    "surface": "message",
    "author": {"id": "u-1"},
}

FULL: dict[str, Any] = {
    **MINIMAL,
    "schema_version": 1,
    "origin": "backfill",
    "author": {
        "id": "u-1",
        "age_band": "adult",
        "age_source": "declared",
        "account_created_at": "2020-02-29T23:59:59.999999+05:30",
    },
    "recipients": [{"id": "u-2", "age_band": "13_15", "age_source": "verified"}, {"id": "u-3"}],
    "recipient_count": 2,
    "conversation_id": "conv-1",
    "text": "see you at the game on saturday",
    "language": "en",
    "urls": ["https://example.org/a", "https://example.org/b"],
    "media": [
        {
            "media_id": "m-1",
            "media_type": "image/png",
            "hash_origin": "server",
            "hashes": {
                "md5": "0" * 32,
                "sha1": "1" * 40,
                "sha256": "2" * 64,
                "pdq": "a" * 64,
                "pdq_quality": 80,
                "phash": "b" * 16,
                "dhash": "c" * 16,
                "frames": [{"frame": 0, "quality": 90, "pdq": "d" * 64, "seconds": 0.5}],
                "opaque": {"photodna": "AAAA"},
            },
        },
        {"media_id": "m-2", "media_type": "video/mp4", "uri": "s3://bucket/key"},
        {"media_id": "m-3", "media_type": "image/gif", "inline": "R0lG"},
    ],
    "encrypted": False,
    "jurisdiction": "DE",
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["created", "adult", "2026-01-31T12:00:00Z", "0001-01-01T00:00:00+14:00"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from(sorted(FULL)), inner, max_size=4)
    ),
    max_leaves=10,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in `value`, outermost first."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += places(inner, (*path, index))
    return found


def changed_at(value: Any, path: tuple[Any, ...], new: Any, remove: bool = False) -> Any:
    """A copy of `value` with what is at `path` replaced by `new`, or removed."""
    first, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[first] = changed_at(copy[first], tuple(rest), new, remove)
    elif remove:
        del copy[first]
    else:
        copy[first] = new
    return copy


@st.composite
def mutated_events(draw: st.DrawFn) -> dict[str, Any]:
    """A full event with up to three places removed or filled with some other JSON."""
    event = FULL
    for _ in range(draw(st.integers(0, 3))):
        if not (found := places(event)):
            break
        event = changed_at(
            event, draw(st.sampled_from(found)), draw(json_values), draw(st.booleans())
        )
    return event
