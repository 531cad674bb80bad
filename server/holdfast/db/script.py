"""A migration that is written in SQL, for what Piccolo cannot say: functions, triggers, checks, partitions."""

from collections.abc import Awaitable, Callable, Sequence
from typing import LiteralString, cast

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from holdfast.db.piccolo_conf import DB
from holdfast.db.pool import Connection

__all__ = ["MigrationManager", "script"]


def script(
    name: str, description: str, *, forwards: Sequence[LiteralString], backwards: Sequence[LiteralString]
) -> MigrationManager:
    """A migration that runs these scripts, each of which may hold many statements, in its transaction."""
    manager = MigrationManager(migration_id=name, app_name="holdfast", description=description)
    manager.add_raw(_runner(forwards))  # pyright: ignore[reportUnknownMemberType]
    manager.add_raw_backwards(_runner(backwards))  # pyright: ignore[reportUnknownMemberType]
    return manager


def _runner(scripts: Sequence[LiteralString]) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        transaction = DB.current_transaction.get()
        if transaction is None:
            raise RuntimeError("a migration needs a transaction that holdfast.db.adopt has lent to Piccolo")
        for text in scripts:
            await cast(Connection, transaction.connection).execute(text)

    return run
