"""The names under which a store in Valkey keeps state: keyed hashes, never ids."""

import hmac

from streams.contracts.stage import StateKey
from streams.state.store import Partition
from streams.state.versions import owner_tag

MIN_KEY_BYTES = 16
_NAME_BYTES = 16


class StateNames:
    """Names made with one HMAC key.

    A name is the first 128 bits of HMAC-SHA256 (RFC 2104, whose section 5 allows cutting to half)
    of the scope and the id: without the key nobody can tell whose state it is, or try ids.
    """

    def __init__(self, hmac_key: bytes) -> None:
        if len(hmac_key) < MIN_KEY_BYTES:
            raise ValueError(
                f"the state's HMAC key has {len(hmac_key)} bytes; give at least {MIN_KEY_BYTES} "
                "random ones"
            )
        self._keyed = hmac.new(hmac_key, digestmod="sha256")

    def name(self, key: StateKey) -> bytes:
        """`sw:c:` or `sw:s:` and 16 bytes."""
        keyed = self._keyed.copy()
        keyed.update(f"{key.scope}\0{key.id}".encode())
        prefix = b"sw:c:" if key.scope == "conversation" else b"sw:s:"
        return prefix + keyed.digest()[:_NAME_BYTES]


def guard_name(partition: Partition) -> bytes:
    """Where a partition's fence stands. It names no person, and must not change with the key."""
    return b"sw:f:" + owner_tag(partition)
