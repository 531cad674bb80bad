"""Vectors follow the text of records, and records are found by them."""

import math
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from holdfast.db.sql import raw
from holdfast.testing import Project, in_one_loop, refusal

from .hashing import embed

pytest_plugins = ["holdfast.testing"]

TEXTS = [{"name": "title", "type": "text"}, {"name": "text", "type": "text"}]
VECTOR = {"name": "embedding", "type": "vector", "dimensions": 64, "hidden": True}


@pytest.fixture(scope="session")
def holdfast_plugins() -> list[str]:
    """The plugin is on."""
    return ["embeddings"]


def lengths(texts: Sequence[str], dimensions: int) -> list[list[float]]:
    """As long as the text."""
    return [[float(len(text))] * dimensions for text in texts]


async def short(texts: Sequence[str], dimensions: int) -> list[list[float]]:
    """Not what was asked for."""
    return [[1.0] for _ in texts]


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the user's own, with callables that it lists and one that it does not."""
    module = ModuleType("my_models")
    vars(module).update(EMBEDDINGS=("lengths", "short"), lengths=lengths, short=short, unlisted=lengths)
    monkeypatch.setitem(sys.modules, "my_models", module)
    return module


def distance(one: str, other: str) -> float:
    first, second = embed([one, other], 256)
    return 1 - sum(a * b for a, b in zip(first, second, strict=True))


def test_texts_that_share_words_are_near_each_other() -> None:
    near = distance("a cat sleeps on the mat", "the cat slept on a mat")
    far = distance("a cat sleeps on the mat", "interest rates rise again")
    assert near < 0.5 < far
    assert distance("the same", "the same") == pytest.approx(0, abs=1e-5)


def test_a_vector_has_its_length_and_is_the_same_everywhere() -> None:
    (vector,) = embed(["Hello, Welt"], 16)
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-5)
    assert vector[:3] == embed(["hello welt"], 16)[0][:3]
    assert embed(["..."], 4) == [[0.0] * 4]


async def define(project: Project, name: str, *fields: dict[str, Any], **settings: Any) -> None:
    """A collection with embeddings."""
    await project.define(name, [*TEXTS, *fields], listRule="title != 'hidden'")
    known = (await project.root.get("/api/plugins/embeddings/settings")).json()["embeddings"]
    await project.enable(
        "embeddings", embeddings=[*known, {"collection": name, "fields": ["title", "text"], **settings}]
    )


@in_one_loop
async def test_a_vector_follows_the_text(shared_project: Project) -> None:
    project = shared_project
    await define(project, "posts", VECTOR)
    post = await project.create("posts", title="A cat", text="sleeps")
    await project.work()
    first = (await project.get("posts", post["id"]))["embedding"]
    assert first == pytest.approx(embed(["A cat\nsleeps"], 64)[0], abs=1e-5)
    await project.root.patch(f"/api/collections/posts/records/{post['id']}", json={"text": "runs"})
    await project.work()
    second = (await project.get("posts", post["id"]))["embedding"]
    assert second == pytest.approx(embed(["A cat\nruns"], 64)[0], abs=1e-5)
    await project.fetch(raw("UPDATE public.posts SET title = '', text = '' RETURNING id"))
    await project.work()
    assert (await project.get("posts", post["id"]))["embedding"] is None
    assert "embedding" not in (await project.guest.get(f"/api/collections/posts/records/{post['id']}")).json()


@in_one_loop
async def test_the_nearest_that_somebody_may_list_are_found(shared_project: Project) -> None:
    project = shared_project
    await define(project, "news", VECTOR, search="users")
    for title in ("interest rates rise", "a cat sleeps", "hidden", "rates of interest"):
        await project.create("news", title=title, text="rates" if title == "hidden" else "")
    await project.work()
    ann = await project.as_user("ann")
    path = "/api/x/embeddings/news/nearest"
    found = (await ann.get(path, params={"q": "interest rates"})).json()["items"]
    assert [item["record"]["title"] for item in found] == ["interest rates rise", "rates of interest", "a cat sleeps"]
    assert found[0]["distance"] < found[1]["distance"] < found[2]["distance"]
    assert "embedding" not in found[0]["record"]
    assert len((await project.root.get(path, params={"q": "rates", "limit": 2})).json()["items"]) == 2
    refusal(await project.guest.get(path, params={"q": "x"}), 401, "unauthenticated")
    refusal(await ann.get("/api/x/embeddings/nothing/nearest", params={"q": "x"}), 404, "not_found")
    assert (await ann.get(path)).status_code == 400


@in_one_loop
async def test_a_callable_of_ones_own_fills_a_json_field(shared_project: Project, models: ModuleType) -> None:
    project = shared_project
    field = {"name": "embedding", "type": "json"}
    await define(project, "words", field, by="my_models:lengths", dimensions=8, search="anyone")
    word = await project.create("words", title="four")
    await project.work()
    assert (await project.get("words", word["id"]))["embedding"] == [4.0] * 8
    refusal(await project.guest.get("/api/x/embeddings/words/nearest", params={"q": "x"}), 400, "bad_request")


@in_one_loop
@pytest.mark.parametrize(
    ("by", "reason"),
    [
        ("my_models:short", "gave vectors that have not 8 dimensions"),
        ("my_models:unlisted", "does not list unlisted"),
        ("no_such_module:f", "there is no module no_such_module"),
        ("subprocess:call", "does not list call in EMBEDDINGS"),
    ],
)
async def test_a_callable_that_cannot_be_is_named_in_the_job(
    shared_project: Project, models: ModuleType, by: str, reason: str
) -> None:
    project = shared_project
    name = "wrong_" + by.partition(":")[2]
    await define(project, name, {"name": "embedding", "type": "json"}, by=by, dimensions=8)
    record = await project.create(name, title="x")
    await project.work()
    dead = [job for job in await project.jobs("embeddings.embed") if job.payload["id"] == record["id"]]
    assert [(job.state, reason in job.error) for job in dead] == [("dead", True)], dead
    refused = await project.root.patch(
        "/api/plugins/embeddings/settings", json={"embeddings": [{"collection": "x", "by": "os.system"}]}
    )
    refusal(refused, 400, "validation_failed")
