"""The Faust agent on `seawall.control`: what is told to every worker at once."""

import logging
from typing import Any, Literal

import faust
import msgspec

from streams.control.list_changes import ListMessage
from streams.control.watch import ListWatch

log = logging.getLogger(__name__)


class ReloadLists(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="reload_lists"):
    """The lists' files have changed: read them again now."""

    schema_version: Literal[1] = 1


ControlMessage = ReloadLists | ListMessage

_decoder = msgspec.json.Decoder(ControlMessage)


def add_control_agent(app: faust.App, topic: str, watch: ListWatch | None) -> None:
    """Follow the control topic, except for changes of lists: those are read from a snapshot's
    offset (`streams.control.follow`), not from a group's. A message that cannot be read is logged
    and passed over: it comes from an operator, and must not stop the workers."""

    async def follow(stream: Any) -> None:
        async for value in stream:
            # Nothing may escape an agent's body: Faust acknowledges the event all the same.
            try:
                message = _decoder.decode(value)
                if watch is not None and isinstance(message, ReloadLists):
                    watch.wake()
            except (msgspec.MsgspecError, ValueError, TypeError) as error:
                log.error("a message on %s cannot be read: %s", topic, type(error).__name__)

    faust_app: Any = app  # its generic annotations are partial
    faust_app.agent(
        faust_app.topic(topic, value_type=bytes, value_serializer="raw"), name="control"
    )(follow)
