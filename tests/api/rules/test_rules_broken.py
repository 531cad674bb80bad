"""A change of the collections that would break a rule is refused, and says which rule it is."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio

from api.rules.conftest import gathered
from api.rules.tasks import CLOSED, Tasks, may, tasks_of
from client import refused
from postgres import Cluster

pytestmark = pytest.mark.asyncio(loop_scope="package")

Change = Callable[[dict[str, Any]], Mapping[str, Any]]


def without(field: str) -> Change:
    return lambda now: {"fields": [one for one in now["fields"] if one["name"] != field]}


def altered(field: str, **more: Any) -> Change:
    return lambda now: {"fields": [one | more if one["name"] == field else one for one in now["fields"]]}


def another_kind(field: str, **more: Any) -> Change:
    """A field of another type in its place."""
    return lambda now: {
        "fields": [one for one in now["fields"] if one["name"] != field] + [{"name": field, **more}],
    }


def renamed(name: str) -> Change:
    return lambda _: {"name": name}


RULES = {
    "listRule": "@request.auth.rank > 1 && author.team.name = 'Red'",
    "viewRule": "@collection.ledger.level > 0",
    "createRule": "views > 1",
    "updateRule": "@previous.labels:length > 0",
    "deleteRule": "ledger_via_task.level ?= 1",
}


def bookkeeping() -> list[dict[str, Any]]:
    """Two permissions for the ledger, of which the second speaks of tasks, too."""
    return [
        may("view", "level > 1", collection="ledger"),
        may("update", "@previous.task.title = ''", write="note", collection="ledger"),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def ledger(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tasks]:
    """Tasks whose rules speak of a ledger, of people and of teams, and roles that do."""
    async with gathered(cluster, tmp_path_factory) as society:
        tasks = await tasks_of(society)
        fields: list[dict[str, Any]] = [
            {"name": "level", "type": "number"},
            {"name": "task", "type": "relation", "collectionId": "tasks"},
            {"name": "note", "type": "text"},
        ]
        await society.api.define("ledger", fields, **CLOSED)
        await tasks.engine.live.reload()
        await tasks.role("passer-by", may("view"))
        await tasks.role("bookkeeper", *bookkeeping())
        await tasks.ruled(**RULES)
        yield tasks


@pytest.mark.parametrize(
    ("collection", "change", "said"),
    [
        ("people", without("rank"), "The rule listRule of tasks would break: "),
        ("people", altered("rank", name="grade"), "The rule listRule of tasks would break: "),
        ("people", another_kind("team", type="text"), "The rule listRule of tasks would break: "),
        ("teams", altered("name", name="title"), "The rule listRule of tasks would break: "),
        ("ledger", renamed("books"), "The rule viewRule of tasks would break: "),
        ("ledger", altered("task", name="job"), "The rule deleteRule of tasks would break: "),
        ("ledger", another_kind("level", type="geoPoint"), "The rule viewRule of tasks would break: "),
        ("ledger", without("note"), "The role bookkeeper, permission 2, would break in ledger: "),
        ("tasks", altered("title", name="headline"), "The role bookkeeper, permission 2, would break in ledger: "),
    ],
)
async def test_a_change_that_breaks_a_rule_elsewhere_names_it(
    ledger: Tasks, collection: str, change: Change, said: str
):
    root = ledger.society["root"]
    url = f"/api/collections/{collection}"
    before = (await root.get(url)).json()
    body = refused(await root.patch(url, json=change(before)), 400, "bad_request")
    assert body["message"].startswith(said)
    assert (await root.get(url)).json() == before


@pytest.mark.parametrize(
    ("change", "rules"),
    [(without("views"), {"createRule"}), (without("labels"), {"updateRule"}), (without("author"), {"listRule"})],
)
async def test_a_change_that_breaks_rules_of_its_own_collection_names_them_in_data(
    ledger: Tasks, change: Change, rules: set[str]
):
    root = ledger.society["root"]
    now = (await root.get("/api/collections/tasks")).json()
    body = refused(await root.patch("/api/collections/tasks", json=change(now)), 400, "validation_failed")
    assert set(body["data"]) == rules
    assert {problem["code"] for problem in body["data"].values()} == {"validation_invalid_rule"}


async def test_a_collection_that_roles_are_for_stays(ledger: Tasks):
    body = refused(await ledger.society["root"].delete("/api/collections/ledger"), 400, "bad_request")
    assert "role bookkeeper, permission 1; role bookkeeper, permission 2" in body["message"]


async def test_a_permission_for_all_collections_breaks_where_it_meant_something(ledger: Tasks):
    root = ledger.society["root"]
    await ledger.role("noter", may("view", "note = 'x' && id != ''", collection="*"))
    await ledger.role("bookkeeper", may("view", "level > 1", collection="ledger"))
    url = "/api/collections/ledger"
    body = refused(await root.patch(url, json=without("note")((await root.get(url)).json())), 400, "bad_request")
    assert body["message"].startswith("The role noter, permission 1, would break in ledger: ")
    await ledger.role("noter")
    await ledger.role("bookkeeper", *bookkeeping())


async def test_what_takes_nothing_away_breaks_nothing(ledger: Tasks):
    root = ledger.society["root"]
    now = (await root.get("/api/collections/ledger")).json()
    more = [*now["fields"], {"name": "more", "type": "text"}]
    assert (await root.patch("/api/collections/ledger", json={"fields": more})).status_code == 200
    assert (await root.patch("/api/collections/ledger", json={"fields": now["fields"]})).status_code == 200
    await ledger.role("bookkeeper", *bookkeeping())
