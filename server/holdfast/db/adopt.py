"""Lends an open transaction to Piccolo, so that its queries and ours are committed together."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from piccolo.engine.postgres import PostgresTransaction

from holdfast.db.piccolo_conf import DB
from holdfast.db.pool import Connection


@asynccontextmanager
async def adopt(connection: Connection) -> AsyncGenerator[None, None]:
    """Piccolo's queries in this block run on `connection`, inside the transaction that is open there.

    Tasks that are made inside the block share the connection: do not gather.
    """
    os.environ["PICCOLO_CONF"] = "holdfast.db.piccolo_conf"  # migrations look their engine up by this name
    lent = PostgresTransaction.__new__(PostgresTransaction)
    lent.engine = DB
    lent.connection = connection
    lent._savepoint_id = 0  # pyright: ignore[reportPrivateUsage]
    lent._parent = None  # pyright: ignore[reportPrivateUsage]
    lent._committed = False  # pyright: ignore[reportPrivateUsage]
    lent._rolled_back = False  # pyright: ignore[reportPrivateUsage]
    token = DB.current_transaction.set(lent)
    try:
        yield
    finally:
        DB.current_transaction.reset(token)
