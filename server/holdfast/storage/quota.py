"""How many bytes files may have together: all of them, and those of single collections."""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from holdfast.db.pool import Transaction
from holdfast.db.sql import Inputs, Statement, named, raw
from holdfast.errors import QuotaExceeded

LOCK: Final = (0x48460006, 1)  # "HF", advisory lock of who adds files while there is a quota
_LOCK: Final = Statement.of(
    raw("SELECT pg_advisory_xact_lock(") + named("one", "integer") + raw(", ") + named("two", "integer") + raw(")")
)
_SUMS: Final = Statement.of(
    raw("SELECT one.collection_id, sum(one.bytes)::bigint AS bytes FROM (")
    + raw("SELECT collection_id, sum(size) AS bytes FROM holdfast.files GROUP BY collection_id")
    + raw(" UNION ALL SELECT collection_id, length FROM holdfast.uploads WHERE id <> ALL (")
    + named("attached", "text[]")
    + raw(")) AS one GROUP BY one.collection_id")
)


class Quota(msgspec.Struct, frozen=True):
    """The most bytes of `all` files, and `of` those of a collection by its id; 0, or none, is no limit.

    Files that no record holds any more count until they are deleted, uploads with all that is still to come.
    """

    all: int = 0
    of: Mapping[str, int] = {}

    @property
    def is_set(self) -> bool:
        """Whether there is any limit."""
        return bool(self.all or self.of)


async def check_quota(tx: Transaction, quota: Quota, collections: Mapping[str, str], attached: Collection[str]) -> None:
    """Raise QuotaExceeded if with what the transaction has added to `collections` (id to name) there is too much.

    Who adds files waits here for who does it at the same time, until the end of their transaction. `attached` are
    uploads that have become files in this transaction.
    """
    await tx.execute(_LOCK, Inputs(named={"one": LOCK[0], "two": LOCK[1]}))
    rows = await tx.fetch(_SUMS, Inputs(named={"attached": list(attached)}))
    found: dict[str, int] = {row["collection_id"]: row["bytes"] for row in rows}
    if quota.all and sum(found.values()) > quota.all:
        raise QuotaExceeded(f"There is no room for this: all files may have {quota.all} bytes together.")
    for id, name in collections.items():
        most = quota.of.get(id, 0)
        if most and found.get(id, 0) > most:
            raise QuotaExceeded(f"There is no room for this: the files of {name} may have {most} bytes together.")
