"""Whether the server's collections are still those that the package was made for. Pure."""


def drift(mine: str, theirs: str) -> str:
    """What to tell of it; nothing if they are the same.

    A state of the collections is `NUMBER.HASH`: the number grows with each change of the server, and the hash is the
    same where nothing has changed for a client.
    """
    number, _, state = mine.partition(".")
    newer, _, now = theirs.partition(".")
    if not state or not now or state == now:
        return ""
    if newer.isdigit() and number.isdigit() and int(newer) < int(number):
        return f"This package was made for a newer state of the collections ({mine}) than the server has ({theirs})."
    return f"The server's collections have changed ({theirs}) since this package was made ({mine}): upgrade it."
