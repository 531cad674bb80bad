"""What happens between a PostgreSQL that answers and a server that can: schema, system collections, first superuser."""

from holdfast.auth.setup import make_setup_token, setup_link
from holdfast.auth.superusers import has_superuser, upsert_superuser
from holdfast.collections.capturing import ensure_captured
from holdfast.collections.remembered import ensure_remembered
from holdfast.collections.service import ensure_system_collections
from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from holdfast.db.migrate_apart import migrate_apart
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.errors import Problem, ValidationFailed


async def prepare(settings: Settings, dsn: str, origin: str) -> str:
    """Make the database ready for servers; gives the link for making the first superuser, empty if there is one.

    With superuser_email and superuser_password in the settings the first superuser is made of them instead. `origin`
    is how people reach the server. Safe from several machines at once; the link that was made last is the one that
    works. Raises CannotStart.
    """
    await prepare_schema(settings, dsn)
    pool = _pool(settings, dsn)
    try:
        if settings.superuser_email and not await has_superuser(pool):
            await _make_superuser(pool, settings)
        token = await make_setup_token(pool)
    finally:
        await pool.close()
    return setup_link(origin, token) if token else ""


async def prepare_schema(settings: Settings, dsn: str) -> list[str]:
    """Apply the migrations and make the system collections that are missing; gives the names of the migrations.

    Raises CannotStart.
    """
    applied = await migrate_apart(dsn)
    pool = _pool(settings, dsn)
    try:
        await ensure_system_collections(pool, settings)
        await ensure_captured(pool, settings)
        await ensure_remembered(pool, settings)
    finally:
        await pool.close()
    return applied


def _pool(settings: Settings, dsn: str) -> Pool:
    return Pool(dsn, size=2, settings=session_settings(settings))


async def _make_superuser(pool: Pool, settings: Settings) -> None:
    try:
        await upsert_superuser(pool, settings.superuser_email, settings.superuser_password)
    except ValidationFailed as failure:
        reasons = [f"superuser_{name}: {one.message}" for name, one in failure.data.items() if isinstance(one, Problem)]
        raise CannotStart(f"The first superuser cannot be made of the settings. {' '.join(reasons)}") from failure
