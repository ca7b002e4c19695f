"""How a command ends: exit codes, and the error that no second try would mend."""

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_CONFIG = 2


class NotUsable(Exception):
    """A file, address or port that the settings name cannot be used; the message says which and
    why. Starting again would not help."""
