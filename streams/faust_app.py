"""The Faust app of a process: lifecycle, supervision and the low-rate topics' agents."""

from pathlib import Path
from typing import Any, cast

import faust

from streams.settings import Settings


def faust_app(settings: Settings, name: str, scratch: Path) -> faust.App:
    """`name` is the group of the app's own consumer, unique where each process is to hear all.
    Faust's web server, tables, leader topic and topic creation are off: the first three are not
    used, and topics are made by `seawall topics apply` alone."""
    kafka = settings.kafka
    seconds = settings.worker.session_timeout_ms / 1000
    return faust.App(
        name,
        broker=[f"kafka://{address.strip()}" for address in kafka.bootstrap.split(",")],
        broker_credentials=_credentials(settings),
        broker_client_id=kafka.client_id,
        broker_session_timeout=seconds,
        broker_heartbeat_interval=seconds / 4,
        broker_request_timeout=max(90.0, seconds),  # Faust's default; it must not be less
        # What was said before is read from where it was left, by services of their own.
        consumer_auto_offset_reset="latest",
        web_enabled=False,
        web_tables_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_replication_factor=settings.pipeline.replication,
        autodiscover=False,
        store="memory://",
        datadir=str(scratch),
        key_serializer="raw",
        value_serializer="raw",
    )


def _credentials(settings: Settings) -> Any:
    kafka = settings.kafka
    context = kafka.ssl_context()
    if kafka.sasl_mechanism and kafka.sasl_password:
        return faust.SASLCredentials(
            username=cast(str, kafka.sasl_username),
            password=kafka.sasl_password.reveal(),
            ssl_context=context,
            mechanism=cast(Any, kafka.sasl_mechanism),
        )
    return faust.SSLCredentials(context) if context is not None else None
