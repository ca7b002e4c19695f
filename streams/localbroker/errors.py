"""What can go wrong with the embedded broker, in words for the person who asked for it."""


class LocalBrokerError(Exception):
    """The embedded broker cannot do what was asked; the message says why and what to do."""


class LocalBrokerUnavailable(LocalBrokerError):
    """This machine has no Java or cannot reach a Maven repository: tests skip on it."""
