"""Why the server cannot start: one sentence for the operator, and exit code 1."""


class CannotStart(Exception):
    """The server cannot start for a reason that is the operator's to change.

    The message is one sentence that says what is wrong and what to do; it is printed without a traceback.
    """
