"""Where a file is looked at by chance: at places that its sender cannot aim at."""

import hashlib


def file_seed(content: bytes | bytearray) -> bytes:
    """What is random in a look at a file, the same whenever it is read."""
    return hashlib.sha256(content).digest()
