"""What every failure of the local runtime derives from."""


class LocalError(RuntimeError):
    """Something did not start, stop or run; the message says what, and which log to read."""
