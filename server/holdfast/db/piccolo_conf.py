"""Piccolo's configuration: an engine without a database of its own, and the one app with migrations.

Piccolo finds this module by the environment variable PICCOLO_CONF.
"""

from piccolo.conf.apps import AppRegistry
from piccolo.engine.postgres import PostgresEngine
from typing_extensions import override


class LentEngine(PostgresEngine):
    """An engine that works on connections it is lent (holdfast.db.adopt) and never opens one."""

    @override
    async def check_version(self) -> None:
        """Do nothing: Piccolo would connect to ask, while this module is imported."""

    @override
    async def prep_database(self) -> None:
        """Do nothing: Piccolo would make extensions."""


DB = LentEngine(config={})
APP_REGISTRY = AppRegistry(apps=["holdfast.db.piccolo_app"])
