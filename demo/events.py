"""The demo's whole input: every kind of event, and what each must become."""

from collections.abc import Callable, Iterator
from itertools import islice
from random import Random

from msgspec.structs import replace

from demo import conversations as talk
from demo import kinds, lists
from demo.broken import broken_records
from demo.conversations import Person, Said
from demo.drafts import Drafts, Fields, hashes, inline, sent
from demo.envelopes import cloud_events
from demo.expectations import Decided, Sent
from demo.media_events import VERY_FILE, media_events
from demo.pictures import jpeg, landscape
from demo.policies import TRIAL_RULE
from demo.writing import COPIES, OTHER_WRITING

SEED = 20_260_101
EVERYDAY_CONVERSATIONS = 240
BACKFILL = 4_000
EVERYDAY, OLDER = "everyday conversations", "older messages, all at once"
OTHER = "other writing on the subject"

ADDRESS = Decided(
    actions=frozenset({"block"}),
    rules=frozenset({"known-address"}),
    signals=frozenset({"url_match"}),
)
NO_SCANS = frozenset({"hash", "url", "text", "provenance"})
DISGUISED_URLS = (
    "http://known-bad.example/",
    "HTTP://KNOWN-BAD.EXAMPLE",
    "https://known-bad.example:8443/any/page?x=1#part",
    "http://www.known-bad.example/",
    "http://name:word@known-bad.example/",
    "http://%6bnown%2dbad.example/",
    "http://known-bad.example./a",
    "http://known-bad。example/a",
    "http:\\\\known-bad.example\\a",
    "\thttp://known-\nbad.example/ ",
    "https://files.example.com/shared/%256cisted-album/",
    "http://files.example.com//shared/./x/../listed-album/photo?q=2",
)
DISGUISED_IN_TEXT = (
    "look at hxxp://known-bad[.]example/a",
    "it is on https://known-bad.example, did you see it",
    "files[.]example[.]com/shared/listed-album/ has them all",
    "hxxps://files(dot)example(dot)com/shared/listed-album/1",
)
OTHER_URLS = (
    "https://files.example.com/shared/other-album/",
    "https://example.com/?to=known-bad.example",
    "http://not-known-bad.example/",
    "https://known-bad.example.org/",
)
"""Addresses that only look like a listed one."""


def make_events(drawing: Callable[[int], object] = lambda _: None) -> list[Sent]:
    """What is sent first, in the order of sending. `drawing` is told of each picture's record."""
    drafts = Drafts(SEED)
    records = media_events(drafts, drawing)
    for part in (_addresses, _writing, _conversations, _gate, _reports, _other_kinds):
        records += part(drafts)
    records += cloud_events(drafts, ADDRESS)
    records += broken_records(drafts)
    return _mixed(drafts.draw_from, records)


def make_backfill() -> list[Sent]:
    """Everyday messages of `origin` backfill, to be sent all at once."""
    drafts = Drafts(SEED + 1)
    lines = talk.everyday_lines(drafts.draw_from)
    return [
        drafts.record(
            OLDER,
            "older message",
            talk.ALLOW,
            event_id=f"old{number:05}",
            origin="backfill",
            surface="message",
            conversation_id=f"old-{number % 400}",
            text=text,
        )
        for number, text in enumerate(islice(lines, BACKFILL))
    ]


def _addresses(drafts: Drafts) -> Iterator[Sent]:
    kind = "listed address, disguised"
    for url in DISGUISED_URLS * 2:
        yield drafts.record(kind, repr(url), ADDRESS, surface="post", urls=[url])
    for text in DISGUISED_IN_TEXT * 2:
        yield drafts.record(kind, repr(text), ADDRESS, surface="post", text=text)
    for url in OTHER_URLS * 5:
        yield drafts.record(
            "address that only looks listed",
            repr(url),
            talk.ALLOW,
            surface="post",
            urls=[url],
            text=f"see {url}",
        )


def _writing(drafts: Drafts) -> Iterator[Sent]:
    copied = Decided(
        actions=frozenset({"hold"}),
        rules=frozenset({"known-text"}),
        signals=frozenset({"text_match"}),
    )
    for how, text in COPIES.items():
        yield drafts.record(kinds.WRITING, how, copied, surface="post", text=text)
    for number, text in enumerate(OTHER_WRITING):
        yield drafts.record(
            "other writing on the subject",
            f"writing {number}",
            talk.ALLOW,
            surface="post",
            text=text,
        )


def _conversations(drafts: Drafts) -> Iterator[Sent]:
    draw = drafts.draw_from
    for number in range(EVERYDAY_CONVERSATIONS):
        people, said = talk.everyday(draw, number, draw.randrange(3, 12))
        yield from _conversation(drafts, EVERYDAY, f"talk-{number}", people, said)
    for kind, name, people, said in (
        ("approach to a child, 7 messages", "approach", talk.people_at_risk, talk.APPROACH),
        (kinds.THREATENED, "threat", talk.people_at_risk, talk.THREAT_APART),
        ("sextortion: in one message", "threat-at-once", talk.people_at_risk, talk.THREAT_AT_ONCE),
        (kinds.REHEARSED, "rehearsal", talk.two_adults, talk.REHEARSAL),
        ("safety advice in the same words", "advice", talk.people_at_risk, talk.ADVICE),
    ):
        for number in range(3):
            about = f"{name}-{number}"
            yield from _conversation(drafts, kind, about, people(about), said)


def _conversation(
    drafts: Drafts,
    kind: str,
    name: str,
    people: tuple[Person, Person],
    said: Iterator[Said] | tuple[Said, ...] | list[Said],
    **changes: str,
) -> Iterator[Sent]:
    for number, message in enumerate(said, 1):
        author, recipient = people if message.by_first else people[::-1]
        fields = drafts.fields(
            surface="message",
            author=_account(author),
            recipients=[{"id": recipient.id, "age_band": recipient.age_band}],
            conversation_id=name,
            text=message.text,
            **changes,
        )
        yield sent(kind, f"{name}, message {number}", message.expected, fields, sequence=name)


def _account(person: Person) -> Fields:
    account: Fields = {"id": person.id, "age_band": person.age_band}
    if person.account_created_at is not None:
        account["account_created_at"] = person.account_created_at
    return account


def _gate(drafts: Drafts) -> Iterator[Sent]:
    for number in range(2):
        name = f"unread-{number}"
        yield from _conversation(
            drafts,
            "messages not to be read here",
            name,
            talk.people_at_risk(name),
            talk.NOT_READ,
            jurisdiction="XZ",
        )
    yield drafts.record(
        "hashes matched in the same place",
        "hotline picture",
        Decided(
            actions=VERY_FILE.actions,
            rules=VERY_FILE.rules,
            report=True,
            withheld=talk.WITHHELD,
        ),
        jurisdiction="XZ",
        media=inline(jpeg(landscape(lists.HOTLINE[0]))),
    )
    yield drafts.record(
        "platform without a scan basis",
        "hotline picture and listed address",
        Decided(actions=frozenset({"allow"}), withheld=NO_SCANS),
        tenant="no-basis",
        urls=[DISGUISED_URLS[0]],
        media=inline(jpeg(landscape(lists.HOTLINE[0]))),
    )


def _reports(drafts: Drafts) -> Iterator[Sent]:
    lines = talk.everyday_lines(drafts.draw_from)
    reported = Decided(
        actions=frozenset({"review"}),
        rules=frozenset({"reported-by-a-person"}),
        priorities=frozenset({3}),
        signals=frozenset({"user_report"}),
    )
    by_child = replace(reported, priorities=frozenset({2}), would_have=frozenset({TRIAL_RULE}))
    for number in range(4):
        post = {"kind": "user_report", "surface": "post"}
        about = f"report {number}"
        yield drafts.record("report by a person", about, reported, text=next(lines), **post)
        child = {"id": f"child-{number}", "age_band": "13_15"}
        yield drafts.record(
            kinds.REPORTED_BY_CHILD, about, by_child, text=next(lines), author=child, **post
        )
    yield drafts.record(
        kinds.UNLISTED,
        "a picture that no list knows",
        reported,
        kind="user_report",
        surface="post",
        media=inline(jpeg(landscape(lists.UNLISTED))),
    )


def _other_kinds(drafts: Drafts) -> Iterator[Sent]:
    file = lists.drawn(lists.HOTLINE[0])
    for number in range(4):
        yield drafts.record(
            "deleted content, was listed",
            f"deletion {number}",
            Decided(actions=frozenset({"allow"}), signals=frozenset({"hash_match"})),
            kind="deleted",
            media=hashes(file, "server", "sha256"),
        )
        yield drafts.record(
            "edited to hold a listed address",
            f"edit {number}",
            ADDRESS,
            kind="edited",
            surface="message",
            text=f"now here: {DISGUISED_URLS[0]}",
        )
        repeated = drafts.record(
            "event sent twice by its producer",
            f"repeat {number}",
            ADDRESS,
            surface="post",
            urls=[DISGUISED_URLS[number]],
        )
        yield repeated
        yield repeated


def _mixed(draw: Random, records: list[Sent]) -> list[Sent]:
    """Shuffled, with the messages of each conversation still in order."""
    order = list(range(len(records)))
    draw.shuffle(order)
    slots: dict[str, list[int]] = {}
    for place, index in enumerate(order):
        if records[index].sequence:
            slots.setdefault(records[index].sequence, []).append(place)
    for places in slots.values():
        indices = sorted(order[place] for place in places)
        for place, index in zip(places, indices, strict=True):
            order[place] = index
    return [records[index] for index in order]
