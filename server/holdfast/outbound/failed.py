"""A request that brought no answer."""


class Failed(Exception):
    """Nothing came: the name, the connection, TLS, the time, or an answer that is too long. Its text says which."""
