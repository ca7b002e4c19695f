"""`seawall cases build`: the desk's process, and one pass of it without a process."""

import logging
import os
import sqlite3
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from streams.audit.log import AuditLog, UnusableAudit
from streams.audit.metrics import AuditMetrics
from streams.audit.watch import AuditWatch
from streams.cases.desk import Desk, DeskTopics
from streams.cases.metrics import DeskMetrics
from streams.cases.schema import UnusableCases, unusable_cases
from streams.cases.service import DeskService, Rounds, add_outcome_agent
from streams.cases.store import CaseStore
from streams.engine.health import Health
from streams.exits import NotUsable
from streams.faust_app import faust_app
from streams.kafka.topics import CASES, DECISIONS, OUTCOMES, URGENT, topic_name
from streams.settings import Settings
from streams.web import WebService
from streams.worker import new_loop, run_until_ended

log = logging.getLogger(__name__)

STALL_SECONDS = 300.0
"""A round may wait for brokers and for the lists' store several times, for up to a minute each."""


def run_desk(settings: Settings) -> int:
    """Run until asked to end (0), failed (1) or not usable (2)."""
    with _desk(settings) as desk, tempfile.TemporaryDirectory(prefix="seawall-cases-") as scratch:
        loop = new_loop()
        name = f"{settings.pipeline.name}.cases"
        app = faust_app(settings, f"{name}.{os.uname().nodename}-{os.getpid()}", Path(scratch))
        metrics, health = DeskMetrics(), Health(stall_seconds=STALL_SECONDS, joined=True)
        health.missing.add("topics read to their end")
        service = DeskService(
            desk,
            settings.kafka.kafka_python_config(),
            topic_name(settings.pipeline, URGENT),
            name,
            _lists(settings),
            settings.feedback.review_budget,
            metrics,
            health,
            _audit_check(settings, metrics),
        )
        add_outcome_agent(app, desk.topics.outcomes, service)
        web = WebService(
            settings.worker.http_host,
            settings.worker.http_port,
            metrics,
            health,
            lambda: {"topics": list(desk.topics)},
            lambda address: log.info("metrics and probes at %s", address),
        )
        return run_until_ended(app, loop, [web, service], settings.worker.shutdown_seconds)


def run_once(settings: Settings) -> int:
    """Take in what is on the topics now, and send what follows from it; how many cases are kept.

    Raises `KafkaError` when the brokers cannot be reached, and `UnknownTopic`.
    """
    with _desk(settings) as desk:
        rounds = Rounds(
            desk,
            settings.kafka.kafka_python_config(),
            topic_name(settings.pipeline, URGENT),
            f"{settings.pipeline.name}.cases",
            _lists(settings),
        )
        try:
            while not rounds.caught_up:
                rounds.once()
        finally:
            rounds.close()
        desk.expire()
        return len(desk.store.cases())


@contextmanager
def _desk(settings: Settings) -> Generator[Desk]:
    if settings.cases.store is None:
        raise NotUsable("cases need a store: set cases.store")
    pipeline = settings.pipeline
    topics = DeskTopics(
        decisions=topic_name(pipeline, DECISIONS),
        cases=topic_name(pipeline, CASES),
        outcomes=topic_name(pipeline, OUTCOMES),
    )
    try:
        with CaseStore.open(Path(settings.cases.store)) as store, _audit(settings) as audit:
            yield Desk(
                store,
                topics,
                lambda: datetime.now(UTC),
                settings.cases,
                settings.feedback,
                audit,
            )
    except sqlite3.DatabaseError as error:
        raise NotUsable(str(unusable_cases(Path(settings.cases.store), error))) from error
    except (UnusableCases, UnusableAudit) as error:
        raise NotUsable(str(error)) from error


@contextmanager
def _audit(settings: Settings) -> Generator[AuditLog | None]:
    if settings.audit.file is None:
        log.warning("what happens to cases is not audited: set audit.file")
        yield None
        return
    with AuditLog(Path(settings.audit.file)) as audit:
        yield audit


def _audit_check(settings: Settings, metrics: DeskMetrics) -> Callable[[], object] | None:
    if settings.audit.file is None:
        return None
    path, said = Path(settings.audit.file), AuditMetrics(metrics.registry)
    return AuditWatch(path, said, lambda what: log.critical("%s", what)).check


def _lists(settings: Settings) -> Path | None:
    return Path(settings.lists.store) if settings.lists.store else None
