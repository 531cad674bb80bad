"""What the tests of reading use: one server with a small blog, which they leave as it is.

Only `notes` and `growing` are for changes.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from client import Api, api, running, start_api
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

__all__ = ["api", "blog", "start_api"]

ID = "{:0>15}".format

TEAMS = [{"name": "name", "type": "text"}]
AUTHORS = [
    {"name": "name", "type": "text", "unique": True},
    {"name": "team", "type": "relation", "collectionId": "teams", "maxSelect": 1},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "mentor", "type": "relation", "collectionId": "authors", "maxSelect": 1, "hidden": True},
]
TAGS = [{"name": "word", "type": "text"}]
POSTS = [
    {"name": "title", "type": "text"},
    {"name": "body", "type": "editor"},
    {"name": "author", "type": "relation", "collectionId": "authors", "maxSelect": 1},
    {"name": "tags", "type": "relation", "collectionId": "tags", "maxSelect": 9},
    {"name": "status", "type": "select", "values": ["open", "done"]},
    {"name": "views", "type": "number", "onlyInt": True},
    {"name": "score", "type": "number"},
    {"name": "price", "type": "decimal", "precision": 12, "scale": 2},
    {"name": "live", "type": "bool"},
    {"name": "meta", "type": "json"},
    {"name": "place", "type": "geoPoint"},
    {"name": "due", "type": "date"},
    {"name": "note", "type": "text", "nullable": True},
    {"name": "draft", "type": "text", "hidden": True},
    {"name": "created", "type": "autodate", "onCreate": True},
]
COMMENTS = [
    {"name": "post", "type": "relation", "collectionId": "posts", "maxSelect": 1},
    {"name": "author", "type": "relation", "collectionId": "authors", "maxSelect": 1},
    {"name": "text", "type": "text"},
]
LISTS = [{"name": "posts", "type": "relation", "collectionId": "posts", "maxSelect": 9}]
PROFILES = [{"name": "author", "type": "relation", "collectionId": "authors", "maxSelect": 1, "unique": True}]
CLOSED = [
    {"name": "post", "type": "relation", "collectionId": "posts", "maxSelect": 1},
    {"name": "title", "type": "text"},
]


PLACES = [
    {"name": "name", "type": "text"},
    {"name": "kind", "type": "select", "values": ["town", "city", "hamlet"]},
    {"name": "people", "type": "number", "onlyInt": True},
    {"name": "area", "type": "number", "nullable": True},
    {"name": "founded", "type": "date"},
    {"name": "budget", "type": "decimal", "precision": 20, "scale": 3, "nullable": True},
    {"name": "capital", "type": "bool"},
    {"name": "near", "type": "relation", "collectionId": "places", "maxSelect": 1},
    {"name": "extra", "type": "json"},
]
SUMS = [
    {"name": "whole", "type": "number", "onlyInt": True},
    {"name": "exact", "type": "decimal", "precision": 18, "scale": 3},
]
POINTERS = [
    {"name": "to", "type": "relation", "collectionId": "closed", "maxSelect": 1},
    {"name": "a_relation_with_a_long_name", "type": "relation", "collectionId": "pointers", "maxSelect": 1},
]
GROWING = [
    {"name": "words", "type": "text"},
    {"name": "at", "type": "date"},
    {"name": "created", "type": "autodate", "onCreate": True},
]
PLACE_INDEXES = [
    "CREATE INDEX places_people ON places (people)",
    "CREATE INDEX places_founded ON places (founded)",
    "CREATE INDEX places_kind ON places (kind, people DESC)",
]
# 200 rows with ties and with nulls in every column that can have them.
MANY_PLACES = """
    INSERT INTO places (id, name, kind, people, area, founded, budget, capital, near, extra)
    SELECT lpad(n::text, 15, '0'), 'Place ' || n % 17, (ARRAY['town', 'city', 'hamlet', ''])[n % 4 + 1], n * n % 23,
           CASE WHEN n % 3 > 0 THEN n % 11 / 7.0 END,
           CASE WHEN n % 5 > 1 THEN '2026-01-01'::timestamptz + n % 13 * interval '1 day 1.000001 s' END,
           CASE WHEN n % 7 > 0 THEN (n % 19) / 8.0 END, n % 2 = 0,
           CASE WHEN n % 4 > 0 THEN lpad((n % 9 + 1)::text, 15, '0') END,
           CASE WHEN n % 3 > 0 THEN to_jsonb(n % 5) END
      FROM generate_series(1, 200) AS n
"""


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def blog(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """A server with a blog in it."""
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("blog"), statement_timeout_ms=4000) as made:
        await _define(made)
        await _fill(made)
        yield made
    await drop_database(cluster, dsn)


async def _define(api: Api) -> None:
    await api.define("teams", TEAMS)
    await api.define("authors", AUTHORS)
    await api.define("tags", TAGS)
    await api.define("posts", POSTS, searchable=["title", "body"], indexes=["CREATE INDEX by_views ON posts (views)"])
    await api.define("comments", COMMENTS)
    await api.define("lists", LISTS)
    await api.define("profiles", PROFILES)
    closed: dict[str, Any] = {"listRule": None, "viewRule": None}
    await api.define("closed", CLOSED, **closed)
    await api.define("ruled", CLOSED, listRule="title = 'b'", viewRule="title = 'b'")
    await api.define("notes", [{"name": "a", "type": "text"}, {"name": "b", "type": "text"}], searchable=["a", "b"])
    await api.define("lines", [{"name": "note", "type": "relation", "collectionId": "notes", "maxSelect": 1}])
    await api.define("places", PLACES, searchable=["name"], indexes=PLACE_INDEXES)
    await api.define("growing", GROWING)
    await api.define("sums", SUMS)
    await api.define("pointers", POINTERS)
    await api.define("members", [], type="auth")
    await api.define("odd", [{"name": "at", "type": "date"}, {"name": "size", "type": "number"}])
    teams = "SELECT a.id, t.name AS team, p.views, p.live FROM authors a LEFT JOIN teams t ON t.id = a.team"
    await api.define(
        "author_teams", [], type="view", viewQuery=f"{teams} LEFT JOIN posts p ON p.author = a.id AND p.views = 10",
        createRule=None, updateRule=None, deleteRule=None,
    )  # fmt: skip
    await api.define(
        "open_posts", [], type="view", viewQuery="SELECT id, title, views, author FROM posts WHERE status = 'open'",
        createRule=None, updateRule=None, deleteRule=None,
    )  # fmt: skip


async def _fill(api: Api) -> None:
    await api.create("teams", id=ID("red"), name="Red")
    await api.create("authors", id=ID("ada"), name="Ada", team=ID("red"), secret="s1")
    await api.create("authors", id=ID("bob"), name="Bob", secret="s2", mentor=ID("ada"))
    for word in ("x", "y", "z"):
        await api.create("tags", id=ID(word), word=word)
    await api.create(
        "posts", id=ID("p1"), title="First post", body="<p>Hello <b>world</b></p>", author=ID("ada"),
        tags=[ID("z"), ID("x")], status="open", views=10, score=1.5, price="1.10", live=True,
        meta={"a": {"b": 1, "c": [1, 2]}, "l": [{"k": 1, "m": 2}, 3]}, place={"lon": 12.5, "lat": 41.9},
        due="2026-01-02 03:04:05.678Z", note="n", draft="d1",
    )  # fmt: skip
    await api.create("posts", id=ID("p2"), title="Second post", author=ID("bob"), status="open", views=20, price="2.20")
    await api.create("posts", id=ID("p3"), title="Ünïcode “quotes” \\ \n", status="done", views=20, meta=[1])
    await api.create("posts", id=ID("p4"), title="", author=ID("ada"), status="", views=5, score=-2, due="2025-01-01")
    for number in range(3):
        await api.create("comments", id=ID(f"c{number}"), post=ID("p1"), author=ID("bob"), text=f"comment {number}")
    await api.create("lists", id=ID("l1"), posts=[ID("p1"), ID("p2")])
    await api.create("lists", id=ID("l2"), posts=[ID("p1")])
    await api.create("profiles", id=ID("f1"), author=ID("ada"))
    await api.create("notes", id=ID("many"), a="many")
    await insert(
        api,
        "INSERT INTO lines (id, note) SELECT lpad(n::text, 15, '0'), $1 FROM generate_series(0, 1002) n",
        ID("many"),
    )
    await insert(api, MANY_PLACES)
    await insert(
        api,
        "INSERT INTO odd (id, at, size) VALUES ('a', 'infinity', 'NaN'), ('b', '-infinity', '-Infinity'), "
        "('c', '0044-03-15 BC', 'Infinity'), ('d', '12026-01-01', 5e-324), ('e', NULL, 1.7976931348623157e308)",
    )
    for name in ("closed", "ruled"):
        await api.create(name, id=ID(name), post=ID("p1"), title="a")
    await api.create("pointers", to=ID("closed"))
    for name, visible in (("seen", True), ("unseen", False)):
        await api.create(
            "members", id=ID(name), email=f"{name}@example.com", emailVisibility=visible,
            password="a long password", passwordConfirm="a long password",
        )  # fmt: skip


async def insert(api: Api, statement: str, *args: object) -> None:
    """Run a statement on the database, for more rows than requests would be quick to make."""
    connection = await api.pool.acquire()
    try:
        await connection.execute(statement, *args)
    finally:
        api.pool.release(connection)
