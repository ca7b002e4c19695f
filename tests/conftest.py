"""Real brokers for tests: Apache Kafka on loopback, one cluster of a kind per session."""

import uuid
from collections.abc import Iterator

import pytest

from streams.localbroker import LocalBrokerUnavailable, LocalCluster


def _started(brokers: int) -> LocalCluster:
    try:
        return LocalCluster(3 if brokers == 3 else 1).start()
    except LocalBrokerUnavailable as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def broker() -> Iterator[LocalCluster]:
    """One broker, for tests of behaviour."""
    cluster = _started(1)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """Three brokers with replication 3 and `min.insync.replicas` 2, for tests of faults.

    A test that takes a node down brings it back.
    """
    cluster = _started(3)
    yield cluster
    cluster.stop()


@pytest.fixture
def prefix() -> str:
    """A topic prefix that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}."
