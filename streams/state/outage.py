"""Which of the Valkey client's errors mean that the store is away for now."""

from collections.abc import Generator
from contextlib import contextmanager

from valkey.exceptions import (
    AuthenticationError,
    ConnectionError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
)

from streams.contracts.stage import DependencyUnavailable

_RIGHTS = (
    "the user lacks a right: give it ~sw:* +@read +@write +@scripting +@connection +time +info"
)
_REFUSALS = {
    "OOM": "the server is out of memory: raise maxmemory, or shorten the time that state is kept",
    "READONLY": "the server is a replica: give the primary's address, or wait for the failover",
    "LOADING": "the server is loading its data",
    "MASTERDOWN": "the replica has lost its primary",
    "NOREPLICAS": "the server lacks the replicas that it is told to wait for",
    "MISCONF": "the server cannot write its data to disk and refuses writes",
    "BUSY": "the server is running a long script",
    "NOAUTH": "the server wants a password: give it in the state URL",
    "WRONGPASS": "the server refuses the user name or password",
    "NOPERM": _RIGHTS,
    "ACL": _RIGHTS,
    "CLUSTERDOWN": "the server is a cluster's node; state needs one primary without cluster mode",
    "MOVED": "the server is a cluster's node; state needs one primary without cluster mode",
    "CROSSSLOT": "the server is a cluster's node; state needs one primary without cluster mode",
}
"""By the first word of the server's answer, what it means and what to do. `ACL` is `NOPERM` from
within a script."""

_CODES: dict[type[ResponseError], str] = {
    OutOfMemoryError: "OOM",
    ReadOnlyError: "READONLY",
    NoPermissionError: "NOPERM",
}


@contextmanager
def unavailable_on_outage() -> Generator[None]:
    """Turn an outage into `DependencyUnavailable("state", …)`, which says what to do. Other
    errors are defects and pass."""
    try:
        yield
    except AuthenticationError as error:
        raise DependencyUnavailable("state", _REFUSALS["WRONGPASS"]) from error
    except ResponseError as error:
        # The client cuts the code off the errors that it has a class for.
        code = _CODES.get(type(error)) or str(error).partition(" ")[0]
        why = _REFUSALS.get(code)
        if why is None:
            raise
        raise DependencyUnavailable("state", why) from error
    except (ConnectionError, TimeoutError, InvalidResponse, OSError) as error:
        why = str(error) or type(error).__name__
        raise DependencyUnavailable("state", why) from error
