"""What operators arrange in the console: saved views of collections, and where the diagram has its tables.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0026_system_console"
VERSION = "1.38.0"
DESCRIPTION = "Saved views and layouts of the console"

TABLES: Final = """
-- They go with their collection, since without it they show nothing.
CREATE TABLE holdfast.saved_views (
    id              text        PRIMARY KEY,
    collection_id   text        NOT NULL REFERENCES holdfast.collections (id) ON DELETE CASCADE,
    owner           text        NOT NULL,               -- Principal.key of who has made it
    name            text        NOT NULL,
    sharing         text        NOT NULL CHECK (sharing IN ('private', 'shared', 'locked')),
    state           jsonb       NOT NULL,               -- filter, sort, columns, as the API writes them
    created         timestamptz NOT NULL DEFAULT now(),
    updated         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (collection_id, owner, name)
);

CREATE TABLE holdfast.layouts (
    name            text        PRIMARY KEY,
    positions       jsonb       NOT NULL,               -- of each collection's id: x and y
    updated         timestamptz NOT NULL DEFAULT now()
);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.layouts;
DROP TABLE holdfast.saved_views;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
