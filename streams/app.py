"""The composition root: settings in, a Faust app with its services out."""

import asyncio
import contextlib
import logging
import os
import platform
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import faust
import msgspec
from faust.types.auth import CredentialsT  # the credentials that brokers ask for

from matchers.hashing.decoder_pool import DecoderPool
from streams.boundary import (
    Topics,
    decision_output,
    event_intake,
    hop_intake,
    hop_output,
    outcome_counter,
)
from streams.contracts.decoding import EventDecoder
from streams.contracts.mapping import load_mapping
from streams.contracts.stage import Stage
from streams.control.lists import LiveLists
from streams.engine.chain import Chain
from streams.engine.config import EngineConfig
from streams.engine.health import Health
from streams.engine.service import ChunkService
from streams.kafka.topics import consumer_group, stage_topics, topic_name
from streams.metrics import Metrics
from streams.policy.policy import Policy, load_policy
from streams.settings import Settings
from streams.stages.enforcement import Enforcement
from streams.stages.hash_matching import HashMatching
from streams.stages.media_hashing import MediaHashing
from streams.stages.text_risk import build_text_risk
from streams.state.open import open_store
from streams.web import WebService

log = logging.getLogger(__name__)
