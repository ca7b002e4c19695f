"""Opening a state store by its address."""

from urllib.parse import urlsplit

from valkey.asyncio import Valkey

from streams.state.memory import MemoryStore
from streams.state.store import StateStore
from streams.state.valkey import ValkeyStore

TIMEOUT_SECONDS = 5.0
"""For connecting and for each answer; after it the engine waits and tries again."""

_SCHEMES = {
    "valkey": "valkey",
    "valkeys": "valkeys",
    "unix": "unix",
    "redis": "valkey",
    "rediss": "valkeys",
}


class BadStateUrl(ValueError):
    """The store's address cannot be used; the message says why, without the address's password."""


def open_store(
    url: str, hmac_key: bytes, previous_key: bytes | None = None, ttl: float = 30 * 86_400
) -> StateStore:
    """The store at `url`; it connects at its first use.

    `memory://` is this process; `valkey://[user][:password@]host:port/db` is Valkey or Redis
    (`redis://` is the same), `valkeys://` (`rediss://`) the same over TLS, where
    `?ssl_ca_certs=FILE` names the authority to trust; `unix:///path` is a local socket. Keys and
    `ttl` (seconds) as for `ValkeyStore`; the default keeps state for 30 days after its last save.

    Raises:
        BadStateUrl: the address is of no such form.
    """
    scheme, found, rest = url.partition("://")
    if not found:
        raise BadStateUrl("the state URL has no scheme: write memory:// or valkey://HOST:6379")
    if scheme == "memory":
        return MemoryStore(ttl)
    if scheme not in _SCHEMES:
        known = ", ".join(["memory", *_SCHEMES])
        raise BadStateUrl(f"the state URL's scheme is {scheme!r}: use one of {known}")
    try:
        urlsplit(url).port  # noqa: B018  (raises for a port that is no number)
        client = Valkey.from_url(
            f"{_SCHEMES[scheme]}://{rest}",
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            client_name="seawall",
        )
    except (ValueError, TypeError) as error:
        raise BadStateUrl(f"the state URL cannot be read: {_without_url(error, url)}") from error
    return ValkeyStore(client, hmac_key, previous_key, ttl)


def _without_url(error: Exception, url: str) -> str:
    return str(error).replace(url, "…")
