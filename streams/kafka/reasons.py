"""Why brokers could not be reached, which kafka-python says in its log only.

Its clients end with "Unable to bootstrap" for a wrong password and a foreign certificate alike.
"""

import logging
import re

_PASSWORD = re.compile(r"SaslAuthenticationFailedError|SASL_AUTHENTICATION_FAILED")
_MECHANISM = re.compile(r"UnsupportedSaslMechanism")
_HANDSHAKE = re.compile(
    r"Handshake failed: (?:\[[^]]*\] )?(.*?)(?: \(_ssl\.c:\d+\))?(?: \(backoff.*)?$"
)


class Reasons(logging.Handler):
    """Takes the place of kafka-python's own lines, and keeps the newest that says why."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.newest: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Look into a record."""
        message = record.getMessage()
        if _PASSWORD.search(message):
            self.newest = (
                "authentication failed: check kafka.sasl_username, its password and "
                "kafka.sasl_mechanism"
            )
        elif _MECHANISM.search(message):
            self.newest = "the broker does not take this kafka.sasl_mechanism"
        elif handshake := _HANDSHAKE.search(message):
            self.newest = (
                f"TLS: {handshake[1]}: check kafka.ssl_cafile, and that kafka.bootstrap names "
                "the hosts as their certificates do"
            )


reasons = Reasons()


def quieten() -> None:
    """Send kafka-python's lines about connections here and nowhere else."""
    library = logging.getLogger("kafka")
    library.setLevel(logging.WARNING)
    library.handlers = [reasons]
    library.propagate = False
