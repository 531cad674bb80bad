"""What the server may not ask."""


class Refused(Exception):
    """An address that is not dialled. Its text is a sentence for whoever named the address."""
