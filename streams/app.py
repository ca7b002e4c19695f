"""The composition root: settings in, a Faust app with its services out."""

import asyncio
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import faust
from prometheus_client import ProcessCollector

from matchers.lists.csv_format import UnreadableList
from streams import deadline
from streams.boundary import (
    Topics,
    decision_output,
    event_intake,
    hop_intake,
    hop_output,
    outcome_counter,
    slow_work,
)
from streams.control.follow import ListFollower
from streams.control.policy_follow import PolicyFollower
from streams.control.suspicion import MatchShares, SuspicionReporter
from streams.control.watch import ListWatch
from streams.engine.chain import Chain, Outcome, unguarded
from streams.engine.config import EngineConfig
from streams.engine.health import Health
from streams.engine.service import ChunkService
from streams.exits import EXIT_FAILED, NotUsable
from streams.faust_app import faust_app
from streams.kafka import topics as kafka_topics
from streams.kafka.membership import leave_group
from streams.kafka.topics import consumer_group, stage_topics, topic_name
from streams.logs import RecentProblems
from streams.memory import settle_memory
from streams.metrics import Metrics
from streams.parts import Parts, build_parts
from streams.settings import Settings
from streams.state.open import open_store
from streams.state.store import StateStore
from streams.state.valkey import ValkeyStore
from streams.state.watch import EvictionWatch
from streams.status import status_of
from streams.web import WebService
from streams.worker import new_loop, run_until_ended

log = logging.getLogger(__name__)

_EMPTY = Path(tempfile.gettempdir()) / "seawall-faust"
"""Faust makes folders for tables, of which there are none. One for all workers: one of its own
would be left behind by a worker that is killed."""


def run_worker(settings: Settings) -> int:
    """Run a worker until it is asked to end (0) or fails (1)."""
    metrics = Metrics()
    ProcessCollector(registry=metrics.registry)
    loop = new_loop()
    parts = build_parts(settings, metrics)
    try:
        app = faust_app(settings, _app_name(settings), _EMPTY)
        # No agents: what comes is read by services, and Faust must not subscribe to nothing.
        app.producer_only = True
        services = _services(settings, parts, metrics)
        settle_memory()
        return run_until_ended(app, loop, services, settings.worker.shutdown_seconds)
    finally:
        parts.close()


def build_chain(
    settings: Settings,
    parts: Parts,
    metrics: Metrics,
    suspicion: SuspicionReporter | None = None,
) -> Chain:
    """The worker's stages with what stands before and behind them."""
    pipeline, names = settings.pipeline, settings.worker.stages
    source, output = stage_topics(pipeline, names)
    decides = names[-1] == "enforcement"
    encode = (
        decision_output(
            Topics(
                decisions=output,
                urgent=topic_name(pipeline, kafka_topics.URGENT),
                cases=topic_name(pipeline, kafka_topics.CASES),
            ),
            time.time,
            settings.policy.write_allow,
        )
        if decides
        else hop_output(output)
    )
    count = outcome_counter(metrics, names)

    takes_events = source == topic_name(pipeline, kafka_topics.first_topic(pipeline))
    return Chain(
        stages=parts.stages,
        decode=event_intake(parts.decoder, parts.gate, time.time)
        if takes_events
        else hop_intake(parts.gate, time.time),
        cost=slow_work(
            settings.media.decoders if "media-hashing" in names else 0,
            settings.media.timeout_seconds,
        ),
        encode=encode,
        observe=count if suspicion is None else _suspecting(count, suspicion),
        guard=parts.lists.guard if parts.lists is not None else unguarded,
    )


def _suspecting(
    count: Callable[[Outcome], Callable[[], None]], suspicion: SuspicionReporter
) -> Callable[[Outcome], Callable[[], None]]:
    def observe(outcome: Outcome) -> Callable[[], None]:
        add = count(outcome)
        looked_at = [envelope for envelope in outcome.envelopes if envelope.event.media]

        def count_both() -> None:
            add()
            suspicion.count(looked_at)

        return count_both if looked_at else add

    return observe


def stage_label(settings: Settings) -> str:
    """The worker's run of stages, as metrics and dead letters name it."""
    stages = settings.worker.stages
    return stages[0] if len(stages) == 1 else f"{stages[0]}..{stages[-1]}"


def _threads(settings: Settings) -> int:
    """One thread for stages: they hold Python's lock, and two would only drive each other's data
    out of the caches (a quarter of the throughput). Where media can come, each decoder has one
    more, since that one waits."""
    media = settings.media
    waits = "media-hashing" in settings.worker.stages and (media.allow_inline or media.uri_prefixes)
    return 1 + media.decoders if waits else 1


def _engine_config(settings: Settings) -> EngineConfig:
    worker, pipeline = settings.worker, settings.pipeline
    return EngineConfig(
        group=consumer_group(pipeline, worker.stages),
        input_topic=stage_topics(pipeline, worker.stages).input,
        dead_letter_topic=topic_name(pipeline, kafka_topics.DEAD_LETTERS),
        stage=stage_label(settings),
        client=settings.kafka.aiokafka_config(),
        delivery=worker.delivery,
        chunk_records=worker.chunk_records,
        fetch_min_bytes=min(worker.fetch_min_bytes, worker.chunk_bytes),
        fetch_max_wait_ms=worker.wait_ms,
        partition_fetch_bytes=worker.chunk_bytes,
        chunk_bytes=worker.chunk_bytes,
        session_timeout_ms=worker.session_timeout_ms,
        instance_id=worker.instance_id,
        threads=_threads(settings),
        revoke_seconds=min(worker.shutdown_seconds / 2, worker.session_timeout_ms / 1000),
        internal_error_limit=worker.internal_error_limit,
        dead_letter_payload=worker.dead_letter_payload,
    )


def _services(settings: Settings, parts: Parts, metrics: Metrics) -> list[faust.Service]:
    config = _engine_config(settings)
    health = Health(stall_seconds=config.stall_seconds)
    health.missing.add("policy taken")

    def arm_deadline() -> None:
        deadline.arm(settings.worker.shutdown_seconds, EXIT_FAILED)

    watch = ListWatch(parts.lists, arm_deadline) if parts.lists is not None else None
    if watch is not None:
        health.missing.add("lists loaded")
    control = topic_name(settings.pipeline, kafka_topics.CONTROL)
    follower = (
        ListFollower(parts.lists, config.client, control, watch.wake)
        if parts.lists is not None and watch is not None
        else None
    )
    reporter = _suspicion_reporter(settings, parts, metrics, config.client, control)
    policies = PolicyFollower(parts.live_policy, config.client, control)

    async def prepare() -> None:
        if parts.lists is not None:
            try:
                await asyncio.to_thread(parts.lists.load)
            except UnreadableList as error:
                raise NotUsable(f"lists.files: {error}") from error

    async def catch_up() -> None:
        if follower is not None:
            await follower.catch_up(lambda: chunks.should_stop)
            health.missing.discard("lists loaded")
        await policies.catch_up(lambda: chunks.should_stop)
        health.missing.discard("policy taken")

    outputs = _output_topics(settings)
    store = _open_store(settings)
    chunks = ChunkService(
        config,
        build_chain(
            settings,
            parts,
            metrics,
            reporter,
        ),
        store,
        metrics,
        health,
        outputs,
        [control],
        prepare,
        on_failure=arm_deadline,
        catch_up=catch_up,
        on_partitions=parts.set_partitions,
        leave=_leaving(settings),
    )
    metrics.set_build(version("seawall"), parts.policy.version, stage_label(settings))
    metrics.scan_basis_lapse.set_function(lambda: _next_lapse(parts))
    if parts.pool is not None:
        pool = parts.pool
        metrics.observe_decoder_restarts(lambda: pool.restarts)

    problems = RecentProblems()
    logging.getLogger().addHandler(problems)
    started_at = time.time()

    def status() -> dict[str, Any]:
        about = {
            "version": version("seawall"),
            "started_at": started_at,
            "stages": list(settings.worker.stages),
            "group": config.group,
            "input": config.input_topic,
            "delivery": config.delivery,
            "lists": parts.lists.matcher().version if parts.lists and parts.lists.loaded else None,
            "policy": parts.policy.version,
            "policy_refused": parts.live_policy.refused,
        }
        return status_of(metrics.registry, health, problems, about)

    web = WebService(
        settings.worker.http_host,
        settings.worker.http_port,
        metrics,
        health,
        status,
        lambda address: log.info("metrics and probes at %s", address),
    )
    services: list[faust.Service] = [web, chunks, policies]
    if follower is not None:
        metrics.lists_offset.set_function(lambda: follower.position)
        metrics.lists_lag.set_function(lambda: follower.lag)
    evictions = (
        EvictionWatch(store, metrics.state_evicted.set) if isinstance(store, ValkeyStore) else None
    )
    more = (watch, follower, reporter, evictions)
    return [*services, *(service for service in more if service is not None)]


def _leaving(settings: Settings) -> Callable[[], None] | None:
    """How a worker with a static id leaves its group; any other does by closing its consumer."""
    instance_id = settings.worker.instance_id
    if instance_id is None:
        return None
    client = settings.kafka.kafka_python_config()
    group = consumer_group(settings.pipeline, settings.worker.stages)
    return lambda: leave_group(client, group, instance_id)


def _suspicion_reporter(
    settings: Settings, parts: Parts, metrics: Metrics, client: Mapping[str, Any], topic: str
) -> SuspicionReporter | None:
    """Where lists are matched, and their flagging is not turned off."""
    share = settings.lists.flag_share
    if parts.lists is None or not share:
        return None
    return SuspicionReporter(
        MatchShares(share),
        client,
        topic,
        lambda name: metrics.list_suspected.labels(name).inc(),
    )


def _next_lapse(parts: Parts) -> float:
    """Seconds since the epoch, past where one has ended; infinite when no scan basis ends."""
    lapse = parts.policy.scan_basis.first_lapse(time.time_ns() // 1_000_000)
    return lapse.at_ms / 1000 if lapse is not None else float("inf")


def _output_topics(settings: Settings) -> list[str]:
    pipeline = settings.pipeline
    output = stage_topics(pipeline, settings.worker.stages).output
    if settings.worker.stages[-1] != "enforcement":
        return [output]
    others = (kafka_topics.URGENT, kafka_topics.CASES)
    return [output, *(topic_name(pipeline, name) for name in others)]


def _open_store(settings: Settings) -> StateStore:
    state = settings.state
    if state.url.startswith("memory:") and "text-risk" in settings.worker.stages:
        log.warning(
            "state is kept in memory: what is known of conversations is lost when this worker "
            "ends or a partition moves. Set state.url to a Valkey for more than trying out."
        )
    key = state.hmac_key.reveal().encode() if state.hmac_key else uuid.uuid4().bytes
    previous = state.hmac_previous_key.reveal().encode() if state.hmac_previous_key else None
    try:
        return open_store(state.url, key, previous, state.ttl_days * 86_400)
    except ValueError as error:
        raise NotUsable(f"state: {error}") from error


def _app_name(settings: Settings) -> str:
    member = settings.worker.instance_id or f"{os.uname().nodename}-{os.getpid()}"
    return f"{consumer_group(settings.pipeline, settings.worker.stages)}.{member}"
