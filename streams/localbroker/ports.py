"""Free loopback ports for brokers."""

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
FIRST_PORT = 15_000
EPHEMERAL_START = 32_768
"""Linux's default; other systems start at 49152 (RFC 6335)."""


def free_ports(count: int) -> list[int]:
    """`count` different ports that can be bound now, below the ephemeral range.

    A broker's port must stay its own while the broker is down. A port of the ephemeral range may be
    handed to any outgoing connection meanwhile, even to a client that keeps trying to reach the
    broker, which then connects to itself.
    """
    last = min(_ephemeral_start(), EPHEMERAL_START) - 1
    found: list[int] = []
    for port in random.sample(range(FIRST_PORT, last), k=last - FIRST_PORT):
        if is_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise OSError(f"no {count} free ports between {FIRST_PORT} and {last} on {LOOPBACK}")


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _ephemeral_start() -> int:
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    try:
        start = int(setting.read_text().split()[0])
    except OSError:
        return EPHEMERAL_START
    return start if start > FIRST_PORT + 1_000 else EPHEMERAL_START
