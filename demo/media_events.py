"""Events with pictures, as bytes or as hashes alone."""

from collections.abc import Callable, Iterator

from demo import kinds, lists
from demo.drafts import Drafts, hashes, inline
from demo.expectations import Decided, Sent
from demo.pictures import EDITS, jpeg, landscape, plain

ORDINARY = 110
ORDINARY_HASHES = 60

ALLOWED = Decided(actions=frozenset({"allow"}), priorities=frozenset({4}))
VERY_FILE = Decided(
    actions=frozenset({"block"}),
    rules=frozenset({"known-material", "near-copy", "possible-copy"}),
    report=True,
    signals=frozenset({"hash_match"}),
)
"""A verified list holds its digest: block and report. Its PDQ matches besides."""
UNCONFIRMED = Decided(
    actions=frozenset({"block"}),
    rules=frozenset({"known-material-unconfirmed"}),
    signals=frozenset({"hash_match"}),
)
COPY = Decided(
    actions=frozenset({"block", "hold"}),
    rules=frozenset({"near-copy", "possible-copy"}),
    signals=frozenset({"hash_match"}),
)
"""A near copy is blocked, one that is merely similar is held: the distance decides."""
VICTIM_COPY = Decided(
    actions=frozenset({"hold"}),
    rules=frozenset({"victim-submitted"}),
    priorities=frozenset({3}),
    signals=frozenset({"hash_match"}),
)


def media_events(drafts: Drafts, drawing: Callable[[int], object]) -> list[Sent]:
    """All of them, in order of kind. `drawing` is told how many more records are made."""
    found: list[Sent] = []
    for part in (_very_files, _edits, _urgent, _other_pictures, _damaged, _encrypted):
        for record in part(drafts):
            found.append(record)
            drawing(1)
    return found


def _very_files(drafts: Drafts) -> Iterator[Sent]:
    kind = "listed picture, the very file"
    for seed in lists.HOTLINE:
        content = jpeg(landscape(seed))
        yield drafts.record(kind, f"hotline {seed}", VERY_FILE, media=inline(content))
    yield drafts.record(
        "listed file, no picture",
        "stands for a video",
        Decided(actions=frozenset({"block"}), rules=frozenset({"known-material"}), report=True),
        media=inline(lists.HOTLINE_DIGESTS_ONLY, "video/mp4"),
    )
    for seed in lists.WATCHED:
        yield drafts.record(
            "picture on an observed list",
            f"watched {seed}",
            Decided(
                actions=frozenset({"allow"}),
                priorities=frozenset({4}),
                signals=frozenset({"hash_match"}),
                would_have=frozenset({"possible-copy"}),
            ),
            media=inline(jpeg(landscape(seed))),
        )


def _edits(drafts: Drafts) -> Iterator[Sent]:
    for name, edit in EDITS.items():
        media_type = "image/webp" if name == "other format" else "image/jpeg"
        for seed in (*lists.HOTLINE, *lists.INDUSTRY):
            content = edit(landscape(seed))
            about = f"landscape {seed}, {name}"
            yield drafts.record(
                f"listed picture, {name}", about, COPY, media=inline(content, media_type)
            )
        for seed in lists.VICTIM:
            content = edit(landscape(seed))
            yield drafts.record(
                "victim-submitted picture, edited",
                f"landscape {seed}, {name}",
                VICTIM_COPY,
                media=inline(content, media_type),
            )


def _urgent(drafts: Drafts) -> Iterator[Sent]:
    urgent = Decided(
        actions=VERY_FILE.actions,
        rules=VERY_FILE.rules,
        report=True,
        priorities=frozenset({1}),
        signals=VERY_FILE.signals,
    )
    for seed in lists.HOTLINE[:3]:
        content = jpeg(landscape(seed))
        yield drafts.record(
            kinds.SENT_TO_CHILD,
            f"hotline {seed}",
            urgent,
            surface="message",
            recipients=[{"id": f"child-{seed}", "age_band": "13_15"}],
            media=inline(content),
        )
        yield drafts.record(
            "listed picture, live",
            f"hotline {seed}",
            urgent,
            surface="live",
            media=inline(content),
        )


def _other_pictures(drafts: Drafts) -> Iterator[Sent]:
    for seed in range(ORDINARY):
        content = jpeg(landscape(seed))
        yield drafts.record("other pictures", f"landscape {seed}", ALLOWED, media=inline(content))
    low = Decided(actions=frozenset({"allow"}), degraded=frozenset({"pdq_quality"}))
    for seed in range(4):
        yield drafts.record(
            "picture of one plain colour", f"plain {seed}", low, media=inline(jpeg(plain(seed)))
        )


def _damaged(drafts: Drafts) -> Iterator[Sent]:
    for seed in range(500, 504):
        content = jpeg(landscape(seed))
        yield drafts.record(
            "truncated picture",
            f"half of landscape {seed}",
            Decided(actions=frozenset({"allow"}), signals=frozenset({"media_error"})),
            media=inline(content[: len(content) // 2]),
        )


def _encrypted(drafts: Drafts) -> Iterator[Sent]:
    kind = "encrypted, hashes attested"
    for seed in lists.HOTLINE[:6]:
        file = lists.drawn(seed)
        yield drafts.record(
            kind,
            f"hotline {seed}, digest",
            VERY_FILE,
            encrypted=True,
            media=hashes(file, "client_attested", "sha256"),
        )
        yield drafts.record(
            kind,
            f"hotline {seed}, PDQ",
            COPY,
            encrypted=True,
            media=hashes(file, "client_attested", "pdq"),
        )
        yield drafts.record(
            "encrypted, hashes unverified",
            f"hotline {seed}, digest",
            UNCONFIRMED,
            encrypted=True,
            media=hashes(file, "client_unverified", "md5", "sha1"),
        )
    for seed in range(ORDINARY_HASHES):
        yield drafts.record(
            "encrypted, not listed",
            f"landscape {seed}",
            ALLOWED,
            encrypted=True,
            media=hashes(lists.drawn(seed), "client_attested", "sha256", "pdq", "phash"),
        )
