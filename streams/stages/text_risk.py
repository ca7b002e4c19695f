"""The text-risk stage: reads messages, keeps conversations, hands on signals, drops the text.

Most messages hold no indicator, in conversations that hold none: they cost one pass over their
text, and change no state.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from matchers.language.catalogue import load
from matchers.language.conversation import Score, advance, raised, score
from matchers.language.findings import client_hits, findings_of
from matchers.language.indicators import Hit, IndicatorMatcher
from matchers.language.phrases import fold_words
from matchers.language.sender import (
    Sender,
    SenderScore,
    approach,
    decode_sender,
    encode_sender,
    merge,
    opening_signature,
    score_sender,
)
from matchers.language.state import (
    MINOR_BANDS,
    PEOPLE_CAP,
    Conversation,
    Message,
    Participant,
    Person,
    decode,
    encode,
    short_hash,
)
from streams.contracts.envelope import Envelope
from streams.contracts.event import Author, ContentEvent, Recipient
from streams.contracts.signal import IndicatorHit, ScorePart, TextRisk, UserReport
from streams.contracts.stage import StageResult, StateKey, StateValue, state_key
from streams.contracts.values import StageName

_NO_STATE = StateValue(None)
S = TypeVar("S")


def build_text_risk(
    catalogues: Sequence[Path] = (), *, built_in: bool = True, trusted: Sequence[str] = ()
) -> "TextRiskStage":
    """The stage with the built-in catalogue and a platform's own files or folders.

    `trusted` names languages that a platform takes off trial. Raises `CatalogueError`.
    """
    return TextRiskStage(IndicatorMatcher(load(catalogues, built_in=built_in), trusted))


class TextRiskStage:
    """Scores conversations. Holds no state of its own, and may be shared between threads."""

    def __init__(self, matcher: IndicatorMatcher) -> None:
        self._reader = _Reader(matcher)

    @property
    def name(self) -> StageName:
        return "text-risk"

    def keys(self, batch: Sequence[Envelope]) -> Sequence[StateKey]:
        """The conversation of every event that has text or is a report, and the sender of every
        message with an indicator."""
        found: list[StateKey] = []
        for envelope in batch:
            if not _is_read(envelope):
                continue
            key = conversation_key(envelope.event)
            if key is not None:
                found.append(key)
            event = envelope.event
            if event.client_indicators or (event.text and self._reader.read_ahead(event.text)):
                found.append(sender_key(event))
        return found

    def run(self, batch: Sequence[Envelope], state: Mapping[StateKey, StateValue]) -> StageResult:
        """Score the batch's messages in order; see the module."""
        chunk = _Chunk(self._reader, state)
        envelopes = [chunk.envelope(envelope) for envelope in batch]
        return StageResult(envelopes, chunk.changes(), unreadable=chunk.unreadable)


def _is_read(envelope: Envelope) -> bool:
    return _is_scanned(envelope) or envelope.event.kind == "user_report"


def _is_scanned(envelope: Envelope) -> bool:
    event = envelope.event
    return (event.text is not None or bool(event.client_indicators)) and (
        "text" not in envelope.scans_withheld
    )


def conversation_key(event: ContentEvent) -> StateKey | None:
    """The conversation that an event belongs to: `conversation_id`, else the pair of author and
    single recipient (each direction apart, since their records may lie on two partitions). A key
    of a conversation begins with a digit, that of a pair does not, and the length of its first id
    goes first: no two of them share a key whatever characters the ids hold."""
    if event.conversation_id is not None:
        return state_key("conversation", event.tenant, event.conversation_id)
    if len(event.recipients) == 1 and (event.recipient_count or 1) == 1:
        author, recipient = event.author.id, event.recipients[0].id
        pair = state_key("conversation", event.tenant, f"{len(author)}:{author}{recipient}")
        return StateKey(pair.scope, f">{pair.id}")
    return None


def sender_key(event: ContentEvent) -> StateKey:
    """The account that sent an event."""
    return state_key("sender", event.tenant, event.author.id)


_AHEAD_CAP = 20_000
_AHEAD_CHARACTERS = 8_000_000


class _Reader:
    """Finds the indicators of a text once for `keys` and `run` together.

    What `keys` found waits, by text, until `run` takes it; it is only a saving: whatever is not
    there is found anew. At most `_AHEAD_CAP` texts of `_AHEAD_CHARACTERS` together wait, should
    `run` not come.
    """

    def __init__(self, matcher: IndicatorMatcher) -> None:
        self.matcher = matcher
        self._find = matcher.find
        self._ahead: dict[str, Sequence[Hit]] = {}
        self._waiting = 0
        self.version = matcher.version

    def read_ahead(self, text: str) -> Sequence[Hit]:
        """The indicators, kept for `read`."""
        known = self._ahead.get(text)
        if known is not None:
            return known
        self._waiting += len(text)
        if len(self._ahead) >= _AHEAD_CAP or self._waiting > _AHEAD_CHARACTERS:
            self._ahead.clear()
            self._waiting = len(text)
        hits = self._ahead[text] = self._find(text)
        return hits

    def read(self, text: str) -> Sequence[Hit]:
        """The indicators."""
        hits = self._ahead.pop(text, None)
        if hits is None:
            return self._find(text)
        self._waiting -= len(text)
        return hits


class _Chunk:
    """The states of one batch while it is worked through."""

    def __init__(self, reader: _Reader, state: Mapping[StateKey, StateValue]) -> None:
        self._reader = reader
        self._stored = state
        self._conversations: dict[StateKey, Conversation | None] = {}
        self._senders: dict[StateKey, Sender | None] = {}
        self._changed: set[StateKey] = set()
        self.unreadable: set[StateKey] = set()

    def envelope(self, envelope: Envelope) -> Envelope:
        """The envelope as it goes on: with signals, without text."""
        event = envelope.event
        if not _is_read(envelope):
            if event.text is None:
                return envelope
            return _without_text(envelope, [], performed=False)
        scanned = _is_scanned(envelope)
        hits = self._reader.read(event.text) if scanned and event.text else ()
        if scanned and event.client_indicators:
            hits = (*hits, *client_hits(event.client_indicators, self._reader.matcher))
        found: list[TextRisk | UserReport] = []
        if event.kind == "user_report":
            found.append(UserReport(reporter_age_band=event.author.age_band))
        self._converse(envelope, hits, found)
        return _without_text(envelope, found, performed=scanned)

    def changes(self) -> dict[StateKey, bytes | None]:
        """The new values of the states that changed."""
        new: dict[StateKey, bytes | None] = {}
        for key in self._changed:
            if (state := self._conversations.get(key)) is not None:
                new[key] = encode(state)
            elif (sender := self._senders.get(key)) is not None:
                new[key] = encode_sender(sender)
        return new

    def _converse(
        self, envelope: Envelope, hits: Sequence[Hit], found: list[TextRisk | UserReport]
    ) -> None:
        event = envelope.event
        key = conversation_key(event)
        before = None if key is None else self._conversation(key)
        report = event.kind == "user_report"
        if before is None and not hits and not report and not _adult_to_minor(event):
            return
        salt = key.id if key is not None else event.content_id
        message = _message(event, salt, hits, report=report)
        after = advance(before, message, envelope.received_at)
        if after is before or after is None:
            return
        if key is not None:
            self._conversations[key] = after
            self._changed.add(key)
        if before is None or after.count > before.count:
            result = score(after, message.author.key, envelope.received_at)
            if result.level != "none":
                found.append(_signal(result, hits, self._reader.version))
                self._approach(envelope, found)
        scored = any(isinstance(signal, TextRisk) for signal in found)
        for person, result in raised(before, after, message.author.key, envelope.received_at):
            risk = _signal(result, (), self._reader.version)
            if person.key != message.author.key:
                found.extend(_of_other(risk, person, message, event, salt))
            elif not scored:
                found.append(risk)

    def _approach(
        self,
        envelope: Envelope,
        found: list[TextRisk | UserReport],
    ) -> None:
        """Count an approach to the message's recipients on the sender's account."""
        event = envelope.event
        if not event.recipients:
            return
        key = sender_key(event)
        before = self._sender(key)
        after = approach(
            before,
            [
                (short_hash(key.id, person.id), person.age_band in MINOR_BANDS)
                for person in _foremost(event.recipients)
            ],
            opening_signature(fold_words(event.text or "")),
            envelope.received_at,
        )
        self._senders[key] = after
        self._changed.add(key)
        others: list[Sender] = []
        for stored in self._stored.get(key, _NO_STATE).others:
            if (state := decode_sender(stored)) is not None:
                others.append(state)
            else:
                self.unreadable.add(key)
        merged = merge([after, *others])
        result = score_sender(merged or after)
        if result.level != "none":
            found.append(_sender_signal(result, self._reader.version))

    def _sender(self, key: StateKey) -> Sender | None:
        if key not in self._senders:
            self._senders[key] = self._own(key, decode_sender)
        return self._senders[key]

    def _conversation(self, key: StateKey) -> Conversation | None:
        if key in self._conversations:
            return self._conversations[key]
        state = self._conversations[key] = self._own(key, decode)
        return state

    def _own(self, key: StateKey, read: Callable[[bytes], S | None]) -> S | None:
        """What is stored under a key; `None` as well for what cannot be read, which is noted."""
        stored = self._stored.get(key, _NO_STATE).own
        if stored is None:
            return None
        state = read(stored)
        if state is None:
            self.unreadable.add(key)
        return state


def _adult_to_minor(event: ContentEvent) -> bool:
    if event.author.age_band == "adult":
        for recipient in event.recipients:  # a loop: any() costs five times as much for one
            if recipient.age_band in MINOR_BANDS:
                return True
    return False


def _foremost(recipients: Sequence[Recipient]) -> Sequence[Recipient]:
    """Of many, `PEOPLE_CAP`, those under 18 first: a conversation remembers so many people, the
    author among them, and whoever comes last may find no room."""
    if len(recipients) < PEOPLE_CAP:
        return recipients
    return sorted(recipients, key=lambda person: person.age_band not in MINOR_BANDS)[:PEOPLE_CAP]


def _message(event: ContentEvent, salt: str, hits: Sequence[Hit], *, report: bool) -> Message:
    return Message(
        short_hash(salt, event.event_id),
        _participant(salt, event.author),
        tuple(_participant(salt, person) for person in _foremost(event.recipients)),
        max(event.recipient_count or 0, len(event.recipients)),
        findings_of(hits),
        report,
        event.text is None and bool(event.client_indicators),
    )


def _participant(salt: str, person: Author | Recipient) -> Participant:
    account_at = 0
    if isinstance(person, Author) and person.account_created_at is not None:
        account_at = int(person.account_created_at.timestamp() * 1000)
    return Participant(short_hash(salt, person.id), person.age_band, person.age_source, account_at)


def _signal(result: Score, hits: Sequence[Hit], model: str) -> TextRisk:
    return TextRisk(
        scope="conversation",
        score=result.points,
        level=result.level,
        categories=result.categories,
        hits=tuple(
            IndicatorHit(
                indicator=hit.indicator,
                category=hit.category,
                start=hit.start,
                end=hit.end,
                view=hit.view if hit.end else "client",
                weight=hit.weight,
            )
            for hit in hits
        ),
        parts=tuple(ScorePart(name=name, value=points) for name, points in result.parts),
        pattern=result.pattern,
        model=model,
        on_trial=result.trial,
        unverified=result.unverified,
        minor_involved=result.minor_involved,
    )


def _of_other(
    risk: TextRisk, person: Person, message: Message, event: ContentEvent, salt: str
) -> Iterator[TextRisk]:
    """The risk as one of somebody else than the author. Not of a child, whose own messages are
    judged as ever: a stranger's words make nobody under 18 a suspect."""
    if person.band in MINOR_BANDS:
        return
    named = (each.id for each in event.recipients if short_hash(salt, each.id) == person.key)
    yield replace(
        risk,
        of_other=True,
        account_id=next(named, None),
        unverified=risk.unverified or message.unverified,
    )


def _sender_signal(result: SenderScore, model: str) -> TextRisk:
    return TextRisk(
        scope="sender",
        score=result.points,
        level=result.level,
        categories=(),
        hits=(),
        parts=tuple(ScorePart(name=name, value=points) for name, points in result.parts),
        model=model,
        minor_involved=result.minors > 0,
    )


def _without_text(
    envelope: Envelope, found: Sequence[TextRisk | UserReport], *, performed: bool
) -> Envelope:
    scans = envelope.scans_performed
    return Envelope(
        event=envelope.event if envelope.event.text is None else replace(envelope.event, text=None),
        received_at=envelope.received_at,
        signals=[*envelope.signals, *found] if found else envelope.signals,
        scans_performed=[*scans, "text"] if performed and "text" not in scans else scans,
        scans_withheld=envelope.scans_withheld,
        degraded=envelope.degraded,
        lists_version=envelope.lists_version,
    )
