"""Pages by cursor: where a page ended, sealed so that it can be handed out, and the condition for what comes after.

The cost of a page does not grow with how many came before it, as far as an index serves the sort.
"""

import base64
import binascii
from hashlib import blake2b
from hmac import compare_digest
from typing import Final, LiteralString, TypeAlias, cast

import msgspec

from holdfast.db.sql import EMPTY, Inputs, Sql, bind, join, raw
from holdfast.errors import BadRequest
from holdfast.records.query import refuse

MAC_BYTES: Final = 16
AFTER: Final = "after"
"""The name under which `Inputs.named` holds a cursor's values."""

Position: TypeAlias = tuple[str | None, ...]
"""What the sort keys are at the last record of a page, as PostgreSQL writes them, the id last."""


class Key(msgspec.Struct, frozen=True):
    """One key of a sort. Null comes before every value, in both directions. `cast` is the type of `sql`."""

    sql: Sql
    cast: LiteralString
    descending: bool = False
    nullable: bool = False

    @property
    def order(self) -> Sql:
        """The key as a part of ORDER BY."""
        return self.sql + self.way

    @property
    def way(self) -> Sql:
        """The direction alone."""
        if not self.nullable:
            return raw(" DESC") if self.descending else raw(" ASC")
        return raw(" DESC NULLS LAST") if self.descending else raw(" ASC NULLS FIRST")


class Branch(msgspec.Struct, frozen=True):
    """Some of the rows after a position: those that fulfil `condition`. `order` are the keys in which they differ."""

    condition: Sql
    order: tuple[Key, ...]


def seal(secret: bytes, context: bytes, position: Position) -> str:
    """A cursor for the position. `context` is what it has to be used with: collection, sort, filter."""
    payload = msgspec.msgpack.encode(position)
    return base64.urlsafe_b64encode(_mac(secret, context, payload) + payload).rstrip(b"=").decode("ascii")


def unseal(secret: bytes, context: bytes, cursor: str) -> Position:
    """The position in a cursor that `seal` made for the same context.

    Raises BadRequest for any other.
    """
    try:
        sealed = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error) as failure:
        raise misfit() from failure
    mac, payload = sealed[:MAC_BYTES], sealed[MAC_BYTES:]
    if not compare_digest(mac, _mac(secret, context, payload)):
        raise misfit()
    return msgspec.msgpack.decode(payload, type=tuple[str | None, ...])


def _mac(secret: bytes, context: bytes, payload: bytes) -> bytes:
    # The context's length goes in front, so that no byte can move from the context to the payload.
    sized = len(context).to_bytes(8, "big") + context + payload
    return blake2b(sized, digest_size=MAC_BYTES, key=secret, person=b"hf.cursor").digest()


def misfit() -> BadRequest:
    """The error for a cursor of something else, a forged one, or one from before the collection was changed."""
    return refuse("cursor", "It is not one that this server gave for this collection, sort, filter and search.")


def after(keys: tuple[Key, ...], nulls: tuple[bool, ...]) -> tuple[Branch, ...]:
    """The rows after a position, of which `nulls` tells the values that are null: disjoint branches, nearest first.

    Each branch is a range of an index that serves the sort, which one condition with OR would not be
    (EXPLAIN, version 18: a filter over everything that came before). Keys of one direction are compared as a
    row; a change of direction, and a null on either side, begins a new branch.

    Raises BadRequest when there are not as many values as keys.
    """
    if len(nulls) != len(keys):
        raise misfit()
    binds = [_value(at) + raw("::") + raw(key.cast) for at, key in enumerate(keys)]
    branches: list[Branch] = []
    start = 0
    while start < len(keys):
        stop = _run(keys, nulls, start)
        fixed = [_equal(keys[at], binds[at], nulls[at]) for at in range(start)]
        branches.extend(_null_branches(keys, binds, nulls, range(start, stop)))
        further = _beyond(keys[start:stop], binds[start:stop], nulls[start])
        if further:
            branches.append(Branch(join(" AND ", [*fixed, further]), keys[start:]))
        start = stop
    return tuple(reversed(branches))


def _value(at: int) -> Sql:
    def read(inputs: Inputs) -> object:
        return cast(Position, inputs.named[AFTER])[at]

    return bind(read, "text")


def _run(keys: tuple[Key, ...], nulls: tuple[bool, ...], start: int) -> int:
    """Where the keys end that can be compared as one row with the key at `start`."""
    stop = start + 1
    if nulls[start]:
        return stop
    while stop < len(keys) and not nulls[stop] and keys[stop].descending == keys[start].descending:
        stop += 1
    return stop


def _equal(key: Key, bind: Sql, null: bool) -> Sql:
    return key.sql + raw(" IS NULL") if null else key.sql + raw(" = ") + bind


def _beyond(keys: tuple[Key, ...], binds: list[Sql], null: bool) -> Sql:
    """The rows beyond the values of one run; empty where there can be none."""
    if null:
        return EMPTY if keys[0].descending else keys[0].sql + raw(" IS NOT NULL")
    sign = raw(" < ") if keys[0].descending else raw(" > ")
    if len(keys) == 1:
        return keys[0].sql + sign + binds[0]
    row = join(", ", [key.sql for key in keys])
    return raw("(") + row + raw(")") + sign + raw("(") + join(", ", binds) + raw(")")


def _null_branches(keys: tuple[Key, ...], binds: list[Sql], nulls: tuple[bool, ...], run: range) -> list[Branch]:
    """Nulls that come after a value: those of a descending key, which no comparison finds."""
    found: list[Branch] = []
    for at in run:
        if keys[at].descending and keys[at].nullable and not nulls[at]:
            fixed = [_equal(keys[before], binds[before], nulls[before]) for before in range(at)]
            found.append(Branch(join(" AND ", [*fixed, keys[at].sql + raw(" IS NULL")]), keys[at + 1 :]))
    return found
