"""The embedded broker: Apache Kafka itself on loopback, for trying out, demos and tests."""

from streams.localbroker.cluster import LocalCluster
from streams.localbroker.errors import LocalBrokerError, LocalBrokerUnavailable

__all__ = ["LocalBrokerError", "LocalBrokerUnavailable", "LocalCluster"]
