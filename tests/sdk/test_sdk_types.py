"""What type checkers make of generated packages: nothing to say of any of them, and everything of what is misspelt."""

import importlib
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from client import Api, in_one_loop
from generated import client_of, schema_of
from holdfast_sdk.wheel import Wheel, build_wheel
from nasty import nasty
from schemas import NASTY, SHOP

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
COOKBOOK = (ROOT / "docs" / "how-to" / "python-client.md").read_text("utf-8")
BLOG = msgspec.structs.replace(SHOP, name="blog")
PYRIGHT = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "include": ["."]}
USE = '''"""Right in every line."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import assert_type

from holdfast_client_blog import AsyncClient, Client, CommentRecord, Filter, Group, Page, Post, PostCreate, PostRecord
from holdfast_client_blog import Change, PostEvent, PostUpdate, Reset, Upload, UserRecord, add, any_of, append, count
from holdfast_client_blog import contains, greatest, length, one_of, read_event, total


async def asynchronously(client: AsyncClient) -> None:
    wanted = (Post.author.name == "x") & (Post.views > 5) | (any_of(Post.tags) == "red") & contains(Post.title, "a")
    assert_type(wanted, Filter)
    page = await client.posts.list(filter=wanted, sort=[-Post.created, Post.title], expand=Post.comments_via_post.post)
    assert_type(page, Page[PostRecord])
    post = page.items[0]
    assert_type(post.expand.author, UserRecord | None)
    assert_type(post.expand.editors, list[UserRecord])
    assert_type(post.expand.comments_via_post, list[CommentRecord])
    assert_type(post.created, datetime.datetime)
    assert_type(post.due, datetime.datetime | None)
    assert_type(post.price, Decimal)
    assert_type(post.rating, float | None)
    if post.status == "draft":
        post = await client.posts.create(PostCreate(title="x", kind="a", tags=["red"], cover=Upload(b"x")))
    post = await client.posts.update(post.id, PostUpdate(views=add(1), tags=append("red")), if_unchanged=post)
    groups = await client.posts.aggregate(count(), total(Post.views), group_by=[Post.status, Post.author])
    assert_type(groups, list[Group])
    assert_type(groups[0][count()], int)
    assert_type(groups[0][total(Post.views)], float)
    assert_type(groups[0][Post.author], str)
    assert_type(groups[0][greatest(Post.views)], float | None)
    async for one in client.posts.iterate(filter=one_of(Post.kind, ["a"]) & (length(Post.tags) > 2)):
        assert_type(one, PostRecord)
    async for change in client.posts.subscribe():
        assert_type(change, Change[PostRecord] | Reset)
    assert_type(await client.users.login("a", "b"), UserRecord)
    async with await client.as_user(client.users, "id") as other:
        assert_type(other, AsyncClient)


def synchronously(client: Client) -> None:
    with client.batch() as batch:
        planned = batch.posts.create(PostCreate(title="t", kind="b"))
    assert_type(planned.record, PostRecord)
    for row in client.post_counts.iterate():
        assert_type(row.n, int | None)
    event = read_event(b"", {}, "x")
    if isinstance(event, PostEvent):
        assert_type(event.record, PostRecord)
'''
WRONG = """from holdfast_client_blog import AsyncClient, Post, PostCreate, PostUpdate, User, append, any_of


async def wrong(client: AsyncClient) -> None:
    Post.titel
    Post.author.nmae
    Post.comments_via_pots
    Post.views == "five"
    any_of(Post.tags) == 5
    PostCreate(title="x")
    PostCreate(title="x", kind="c")
    PostCreate(title=5, kind="a")
    PostUpdate(titel="x")
    PostUpdate(tags=append("pink"))
    await client.pots.list()
    await client.posts.list(filter="title = 1")
    await client.posts.list(per_pge=5)
    await client.posts.create(PostUpdate(title="x"))
    await client.post_counts.create(PostCreate(title="x", kind="a"))
    await client.posts.list(expand=Post.title)
    await client.comments.login("a", "b")
    (await client.posts.get("x")).body
    (await client.posts.get("x")).due.year
    client.posts.get("x").title
    Post.views > "five"
    Post.author < "id"
"""
# mypy lets anything be compared with == where the other side knows how, as every object does.
FOR_PYRIGHT = ('Post.views == "five"', "any_of(Post.tags) == 5")
FIRST_WRONG = 5  # its line
PACKAGES = ("holdfast_client_blog", "holdfast_client_world")
WORLD = runpy.run_path(str(ROOT / "docs" / "tutorial" / "load_places.py"))
DECLARED = [WORLD["COUNTRIES"], WORLD["PLACES"], *nasty()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder(shared_api: Api, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two packages as uv installs them, a program that is right, one that is wrong, and the examples of the cookbook.

    One of the packages is of a server that has the places of the world, and collections that are made to be nasty. To
    them come those that are nastier than a server takes.
    """
    made = tmp_path_factory.mktemp("types")
    answer = await shared_api.root.put("/api/collections/import", json={"collections": DECLARED})
    assert answer.status_code == 204, answer.text
    found = await schema_of(shared_api.root)
    names = {one.name for one in found.collections}
    more = (*found.collections, *(one for one in NASTY.collections if one.name not in names))
    world = msgspec.structs.replace(found, name="world", collections=more)
    install([build_wheel(schema) for schema in (BLOG, world)], made)
    (made / "use.py").write_text(USE)
    for number, example in enumerate(re.findall(r"^```python\n(.*?)^```$", COOKBOOK, re.M | re.S)):
        (made / f"example_{number}.py").write_text(example)
    (made / "wrong.py").write_text(WRONG)
    return made


def install(wheels: list[Wheel], folder: Path) -> None:
    for wheel in wheels:
        (folder / wheel.name).write_bytes(wheel.body)
    command = [Path(sys.executable).with_name("uv"), "pip", "install", "--no-deps", "--no-index", "--target", folder]
    subprocess.run([*command, *(folder / wheel.name for wheel in wheels)], check=True, capture_output=True)


def programs(folder: Path) -> list[str]:
    examples = sorted(path.name for path in folder.glob("example_*.py"))
    assert len(examples) >= 8
    # The runtime is the same in both.
    return [PACKAGES[0], f"{PACKAGES[1]}/*.py", f"{PACKAGES[1]}/models", "use.py", "wrong.py", *examples]


@pytest.fixture(scope="module")
def pyright(folder: Path) -> list[str]:
    """The lines of what pyright, in its strict mode, has against everything there."""
    python = Path(sys.executable)
    config = {**PYRIGHT, "include": programs(folder), "ignore": ["**/webhooks/frameworks.py"]}
    (folder / "pyrightconfig.json").write_bytes(msgspec.json.encode(config))
    command = [python.with_name("basedpyright"), "--level", "error", "--pythonpath", python, "--outputjson"]
    done = subprocess.run([*command, "-p", folder], capture_output=True, text=True, check=False)
    found = msgspec.json.decode(done.stdout)
    assert found["summary"]["filesAnalyzed"] > 60
    return [
        f"{Path(one['file']).relative_to(folder)}:{one['range']['start']['line'] + 1}: {one['message']}"
        for one in found["generalDiagnostics"]
    ]


@pytest.fixture(scope="module")
def mypy(folder: Path) -> list[str]:
    """The same of mypy."""
    command = [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.11", "--no-error-summary"]
    paths = [PACKAGES[1] if path.startswith(PACKAGES[1]) else path for path in programs(folder)]
    done = subprocess.run([*command, *dict.fromkeys(paths)], cwd=folder, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


@pytest.mark.parametrize("checker", ["pyright", "mypy"])
def test_nothing_is_said_against_any_package_and_its_use(request: pytest.FixtureRequest, checker: str):
    found: list[str] = request.getfixturevalue(checker)
    assert [line for line in found if not line.startswith("wrong.py:")] == []


@pytest.mark.parametrize(("checker", "blind"), [("pyright", ()), ("mypy", FOR_PYRIGHT)])
def test_every_line_that_is_wrong_is_refused(request: pytest.FixtureRequest, checker: str, blind: tuple[str, ...]):
    found = {
        int(match[1]) for line in request.getfixturevalue(checker) if (match := re.match(r"wrong\.py:(\d+):", line))
    }
    lines = WRONG.splitlines()
    passed = [lines[number - 1].strip() for number in range(FIRST_WRONG, len(lines) + 1) if number not in found]
    assert passed == list(blind)


def test_every_package_is_formatted(folder: Path):
    ruff = str(Path(sys.executable).with_name("ruff"))
    command = [ruff, "format", "--check", "--isolated", "--line-length", "120", *PACKAGES]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@in_one_loop
async def test_the_package_of_nasty_collections_reads_and_writes_them(
    folder: Path, shared_api: Api, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(folder))
    p: Any = importlib.import_module("holdfast_client_world")
    assert [name for name in p.__all__ if not hasattr(p, name)] == []
    async with client_of(shared_api, p) as client:
        values = {name: f"value of {name}" for name in ("class_", "import_", "self_", "str_", "hf_", "x_", "f" * 63)}
        made = await client.words.create(p.WordCreate(**values))
        assert {name: getattr(made, name) for name in values} == values
        fits = (p.Word.class_ == made.class_) & (p.Word.import_ == made.import_)
        assert (await client.words.first(filter=fits)).id == made.id
        one = await client.class_.create(p.ClassCreate(kind='"""', kinds=["größe", "東京 🏔"]))
        await client.class_.update(one.id, p.ClassUpdate(itself=one.id))
        other = await client.list_.create(p.ListCreate(next=[one.id]))
        read = await client.class_.get(one.id, expand=[p.Class.itself.itself, p.Class.list_via_next])
        assert (read.kind, read.kinds, read.expand.itself.expand.itself.id) == ('"""', ["größe", "東京 🏔"], one.id)
        assert [item.id for item in read.expand.list_via_next] == [other.id]
        assert await client.places.count() == 0
