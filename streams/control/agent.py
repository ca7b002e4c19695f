"""The Faust agent on `seawall.control`: what is told to every worker at once."""

import logging
from typing import Any

import faust
import msgspec

from streams.contracts.refusal import DecodeFailure
from streams.control.list_changes import ListMessage, ReloadLists
from streams.control.policy_change import PolicyChanged
from streams.control.requests import Request
from streams.control.watch import ListWatch

log = logging.getLogger(__name__)


ControlMessage = ReloadLists | ListMessage | PolicyChanged | Request

_decoder = msgspec.json.Decoder(ControlMessage)


def add_control_agent(app: faust.App, topic: str, watch: ListWatch | None) -> None:
    """Follow the control topic, except for changes of lists and of the policy: those are read from
    a snapshot's offset (`follow`) and from the beginning (`policy_follow`), not from a group's. A
    message that cannot be read is logged and passed over: it comes from an operator, and must not
    stop the workers."""

    async def follow(stream: Any) -> None:
        async for value in stream:
            # Nothing may escape an agent's body: Faust acknowledges the event all the same.
            try:
                message = _decoder.decode(value)
                if watch is not None and isinstance(message, ReloadLists):
                    watch.wake()
            except (*DecodeFailure, ValueError, TypeError) as error:
                log.error("a message on %s cannot be read: %s", topic, type(error).__name__)

    faust_app: Any = app  # its generic annotations are partial
    faust_app.agent(
        faust_app.topic(topic, value_type=bytes, value_serializer="raw"), name="control"
    )(follow)
