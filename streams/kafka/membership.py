"""How a static member leaves its consumer group for good."""

import logging
from typing import Any

from streams.kafka.client import ClientConfig, KafkaError, admin_client, retried, static_member

log = logging.getLogger(__name__)

LEAVE_SECONDS = 2.0
"""For reaching the brokers, for trying again and for the last try: leaving is a courtesy to those
who wait, and a worker that ends does not wait for it for long."""


def leave_group(config: ClientConfig, group: str, instance_id: str) -> None:
    """Give up a static member's place, so that its partitions move now and not when its session
    has expired. To be called when the member's own consumer is closed: it would join again.

    aiokafka's consumers with a `group_instance_id` end without a word, as a static member is
    meant to (KIP-345); to remove one by that id is an administrator's request, for which reading
    the group is enough. Where the brokers cannot be reached it is said, and the session ends by
    itself.
    """
    limits: dict[str, Any] = {
        "bootstrap_timeout_ms": int(LEAVE_SECONDS * 1000),
        "request_timeout_ms": int(LEAVE_SECONDS * 1000),
    }
    try:
        admin = admin_client({**config, **limits})
        try:
            member = static_member(instance_id)
            told = retried(lambda: admin.remove_group_members(group, [member]), LEAVE_SECONDS)
        finally:
            admin.close()
    except (KafkaError, OSError) as error:
        log.warning(
            "the group was not told that %s ends (%s): its partitions move when its session has "
            "expired",
            instance_id,
            str(error) or type(error).__name__,
        )
        return
    for outcome in told.values():
        if outcome.__name__ == "NoError":
            log.info("left %s", group)
        else:
            log.info("%s was no member of %s: %s", instance_id, group, outcome.__name__)
