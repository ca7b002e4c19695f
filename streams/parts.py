"""What a worker's stages are made of, built from settings: lists, decoders, policy, stages."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from matchers.hashing.decoder import DecoderNotStarted
from matchers.hashing.decoder_pool import DecoderPool
from matchers.hashing.fetch import Fetcher
from matchers.hashing.outcome import Limits, Variants
from matchers.language.catalogue import CatalogueError
from matchers.lists.csv_format import UnreadableList
from matchers.lists.matcher import ListMatcher
from matchers.lists.screening import ListScreening
from matchers.provenance.reading import ProvenanceReader
from streams.boundary import ScanGate
from streams.contracts.decoding import EventDecoder
from streams.contracts.mapping_file import MappingError, load_mapping
from streams.contracts.stage import Stage
from streams.control.lists import LiveLists
from streams.exits import NotUsable
from streams.metrics import Metrics
from streams.policy.live import LivePolicy
from streams.policy.load import PolicyError, load_policy
from streams.policy.policy import Policy
from streams.radii import radii_of
from streams.settings import MediaSettings, Settings
from streams.stages.case_opening import CaseOpeningStage
from streams.stages.enforcement import Enforcement
from streams.stages.hash_matching import HashMatching
from streams.stages.media_hashing import MediaHashing
from streams.stages.text_risk import TextRiskStage, build_text_risk


@dataclass(frozen=True)
class Parts:
    """A chain's stages and what they share. `set_partitions` tells them the number of the input
    topic's partitions, before the first chunk. `close` gives back the decoders."""

    stages: list[Stage]
    lists: LiveLists | None
    live_policy: LivePolicy
    set_partitions: Callable[[int], None]
    decoder: EventDecoder
    gate: ScanGate
    pool: DecoderPool | None

    @property
    def policy(self) -> Policy:
        """The policy in use."""
        return self.live_policy.policy

    def close(self) -> None:
        """Stop the decoders."""
        if self.pool is not None:
            self.pool.close()


def build_parts(settings: Settings, metrics: Metrics) -> Parts:
    """Build the stages that `worker.stages` names. Reads policy and catalogues and starts the
    decoders, beside each other: both take seconds. Lists are loaded by `Parts.lists.load`, which
    may take long.

    Raises:
        NotUsable: a file cannot be used.
    """
    starting: Future[DecoderPool] | None = None
    try:
        policy = load_policy(Path(settings.policy.file) if settings.policy.file else None)
        with ThreadPoolExecutor(1) as beside:
            if "media-hashing" in settings.worker.stages:
                starting = beside.submit(open_pool, settings.media)
            text_risk = _text_risk(settings) if "text-risk" in settings.worker.stages else None
        pool = starting.result() if starting is not None else None
        return _build(settings, metrics, policy, pool, text_risk)
    except BaseException as error:
        if starting is not None and starting.exception() is None:
            starting.result().close()
        if isinstance(error, _UNUSABLE):
            raise NotUsable(str(error)) from error
        raise


_UNUSABLE = (PolicyError, CatalogueError, MappingError, DecoderNotStarted, UnreadableList)


def _build(
    settings: Settings,
    metrics: Metrics,
    policy: Policy,
    pool: DecoderPool | None,
    text_risk: TextRiskStage | None,
) -> Parts:
    names = settings.worker.stages
    lists = _lists(settings, metrics) if "hash-matching" in names else None
    mapping = load_mapping(Path(settings.worker.mapping)) if settings.worker.mapping else None
    screening: ListScreening | None = None
    stages: list[Stage] = []
    enforcement = Enforcement(policy)

    def taken(policy: Policy) -> None:
        enforcement.policy = policy
        metrics.set_policy(policy.version)
        metrics.policy_changes.labels("taken").inc()

    def set_partitions(partitions: int) -> None:
        enforcement.partitions = partitions

    metrics.set_policy(policy.version)
    live = LivePolicy(
        policy,
        known_lists=lambda: lists.matcher().infos if lists is not None and lists.loaded else None,
        on_taken=taken,
        on_refused=metrics.policy_changes.labels("refused").inc,
    )
    for name in names:
        if pool is not None and name == "media-hashing":
            if lists is not None and settings.media.hashing == "screen":
                screening = ListScreening(pool, lists.matcher)
            stages.append(
                MediaHashing(screening or pool, inline_allowed=settings.media.allow_inline)
            )
        elif name == "hash-matching" and lists is not None:
            stages.append(HashMatching(screening.matcher if screening else lists.matcher))
        elif text_risk is not None and name == "text-risk":
            stages.append(text_risk)
        else:
            stages.append(CaseOpeningStage(enforcement))
    return Parts(
        stages=stages,
        lists=lists,
        live_policy=live,
        set_partitions=set_partitions,
        decoder=EventDecoder(mapping, settings.worker.max_event_bytes),
        gate=live.gate,
        pool=pool,
    )


def _lists(settings: Settings, metrics: Metrics) -> LiveLists:
    def loaded(matcher: ListMatcher) -> None:
        if settings.lists.files:  # else there is nothing to miss, or to grow old
            entries = {(c.list, c.algorithm): c.entries for c in matcher.counts}
            metrics.set_lists(matcher.version, time.time(), entries)
        metrics.list_reloads.labels("loaded").inc()

    def failed(_: str) -> None:
        metrics.list_reloads.labels("failed").inc()

    return LiveLists(
        [Path(file) for file in settings.lists.files],
        clock=lambda: datetime.now(UTC),
        radii=radii_of(settings.lists),
        on_loaded=loaded,
        on_failed=failed,
    )


def _text_risk(settings: Settings) -> TextRiskStage:
    files = [Path(file) for file in settings.text.catalogues]
    return build_text_risk(files, trusted=settings.text.trusted)


def open_pool(media: MediaSettings) -> DecoderPool:
    """The decoders of a worker with these settings. Raises `NotUsable` for a setting that cannot be
    used, and `DecoderNotStarted`."""
    limits = Limits(
        pixels=media.max_pixels,
        bytes=media.max_bytes,
        frames=media.max_frames,
        seconds=media.timeout_seconds,
        memory=media.memory_bytes,
    )
    try:
        fetcher = Fetcher(media.uri_prefixes) if media.uri_prefixes else None
    except ValueError as error:
        raise NotUsable(f"media.uri_prefixes: {error}") from error
    variants = Variants(dihedral="dihedral" in media.variants, trimmed="trimmed" in media.variants)
    return DecoderPool(limits, media.decoders, fetcher, variants, _trust_anchors(media))


def _trust_anchors(media: MediaSettings) -> Path | None:
    """The file, found usable: decoders read it later, where nobody would hear of it."""
    if media.c2pa_trust_anchors is None:
        return None
    path = Path(media.c2pa_trust_anchors)
    try:
        ProvenanceReader(path)
    except (OSError, ValueError) as error:
        raise NotUsable(f"media.c2pa_trust_anchors: {error}") from error
    return path
