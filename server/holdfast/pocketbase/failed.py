"""A move that cannot be done."""


class CannotMove(Exception):
    """Nothing was moved; the message says why, and what to do about it."""
