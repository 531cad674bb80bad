"""The `sort` parameter as the keys of a page, so that every record has one place in the order."""

from holdfast.catalog.order import RANDOM, ROWID
from holdfast.catalog.scope import Scope
from holdfast.db.sql import raw
from holdfast.errors import InvalidSort
from holdfast.records.cursor import Key
from holdfast.records.list import BASE


def sort_keys(scope: Scope, sort: str, *, walk: bool) -> tuple[Key, ...]:
    """The keys of a sort, the id last, in the direction of the key before it: so both are one range of an index.

    Raises InvalidSort, also for a random order on a `walk` by cursor: it has no place to go on from.
    """
    keys: list[Key] = []
    for key in scope.sort(sort):
        if walk and key.path == RANDOM:
            raise InvalidSort("A random order has no cursor: use page, or another sort.")
        keys.append(Key(key.sql, key.cast, key.descending, key.nullable))
        if key.path in ("id", ROWID):
            return tuple(keys)
    return (*keys, Key(BASE + raw('."id"'), "text", descending=bool(keys) and keys[-1].descending))
