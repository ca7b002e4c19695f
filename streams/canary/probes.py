"""The canary's probes: synthetic events whose decisions are known beforehand.

A hash, an address and a message that stand for the three ways in which the pipeline finds things.
They belong to a tenant of their own, so that nothing of a platform's is touched by what is decided
about them, and to a list of kind `own` that nobody verifies, so that they never report.
"""

import hashlib
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from streams.contracts.decision import Decision, decision_id
from streams.contracts.decoding import PROBE_TENANT
from streams.contracts.event import Author, ContentEvent, Media, MediaHashes, Recipient
from streams.contracts.signal import HashMatch, Signal, TextRisk, UrlMatch

TENANT = PROBE_TENANT
LIST = "seawall-canary"
URL = "http://canary.seawall.invalid/listed/"
"""`.invalid` (RFC 2606) is nobody's and never will be."""
SHA256 = hashlib.sha256(b"seawall canary").hexdigest()
PDQ = hashlib.sha256(b"seawall canary picture").hexdigest()
TEXT = "Send me a gift card tonight or I will send your photos to all your friends."
"""A threat of exposure with a demand for payment, as the literature on sextortion describes."""

ProbeName = Literal["hash", "url", "text"]
PROBES: tuple[ProbeName, ...] = get_args(ProbeName)


class Probe(NamedTuple):
    """An event, and in `name` what must be found in it."""

    name: ProbeName
    event: ContentEvent

    @property
    def decision_id(self) -> str:
        """Of the decision that must come."""
        return decision_id(self.event.tenant, self.event.event_id)


def probes(round_id: str, now: datetime) -> list[Probe]:
    """One round's probes; `round_id` makes their ids, and the partitions that they go to."""
    return [
        Probe(
            "hash",
            _event(
                round_id,
                "hash",
                now,
                media=[
                    Media(
                        media_id="m",
                        media_type="image/png",
                        hashes=MediaHashes(sha256=SHA256, pdq=PDQ, pdq_quality=100),
                        hash_origin="server",
                    )
                ],
            ),
        ),
        Probe(
            "url",
            _event(round_id, "url", now, urls=["HTTP://canary.seawall.invalid:80/x/../listed/%61"]),
        ),
        Probe("text", _event(round_id, "text", now, text=TEXT)),
    ]


def fault(probe: Probe, decision: Decision) -> str | None:
    """What is wrong with the decision about a probe; `None` when it is as it must be."""
    if not any(_is_for(probe.name, signal) for signal in decision.signals):
        because = ""
        if probe.name in decision.scans_withheld:
            because = f"; scans withheld: {', '.join(decision.scans_withheld)}"
        elif probe.name != "text":
            because = f"; have the workers the list {LIST}? See seawall canary list --help"
        return f"the {probe.name} probe was not found{because}"
    if decision.action == "allow":
        return f"the {probe.name} probe was found, and allowed by policy {decision.policy_version}"
    return None


def _is_for(name: ProbeName, signal: Signal) -> bool:
    match signal:
        case HashMatch():
            return name == "hash" and signal.list == LIST
        case UrlMatch():
            return name == "url" and signal.list == LIST
        case TextRisk():
            return name == "text" and signal.pattern == "sextortion"
        case _:
            return False


def list_csv() -> str:
    """The canary's list, as `seawall lists` and `lists.files` read it."""
    return (
        "id,algorithm,value,category,labels\n"
        f"canary-sha256,sha256,{SHA256},canary,\n"
        f"canary-pdq,pdq,{PDQ},canary,\n"
        f"canary-url,url,{URL},canary,\n"
    )


def _event(
    round_id: str,
    name: ProbeName,
    now: datetime,
    text: str | None = None,
    urls: list[str] | None = None,
    media: list[Media] | None = None,
) -> ContentEvent:
    return ContentEvent(
        event_id=f"canary-{name}-{round_id}",
        tenant=TENANT,
        kind="created",
        occurred_at=now,
        content_id=f"canary-{name}-{round_id}",
        surface="message",
        author=Author(id=f"canary-{round_id}", age_band="adult"),
        recipients=[Recipient(id=f"canary-{round_id}-to", age_band="13_15")],
        conversation_id=f"canary-{name}-{round_id}",
        language="en" if text else None,
        text=text,
        urls=urls or [],
        media=media or [],
    )
