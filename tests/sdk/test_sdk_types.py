"""What type checkers make of generated packages: nothing to say of any of them, and everything of what is misspelt."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from generated import write
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both packages, a program that is right, one that is wrong, and the examples of the cookbook."""
    made = tmp_path_factory.mktemp("types")
    write(BLOG, made)
    write(NASTY, made)
    (made / "use.py").write_text(USE)
    for number, example in enumerate(re.findall(r"^```python\n(.*?)^```$", COOKBOOK, re.M | re.S)):
        (made / f"example_{number}.py").write_text(example)
    (made / "wrong").mkdir()
    (made / "wrong" / "wrong.py").write_text(WRONG)
    return made


def pyright(folder: Path, *paths: str, ignored: tuple[str, ...] = ()) -> list[str]:
    """The lines of what pyright, in its strict mode, has against these files."""
    python = Path(sys.executable)
    config = folder / "pyrightconfig.json"
    config.write_bytes(
        msgspec.json.encode({**PYRIGHT, "include": paths or ["."], "ignore": ["**/webhooks/frameworks.py", *ignored]})
    )
    command = [
        python.with_name("basedpyright"),
        "--level",
        "error",
        "--pythonpath",
        python,
        "--outputjson",
        "-p",
        folder,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = msgspec.json.decode(done.stdout)
    assert found["summary"]["filesAnalyzed"] > 0
    return [
        f"{one['file']}:{one['range']['start']['line'] + 1}: {one['message']}" for one in found["generalDiagnostics"]
    ]


def mypy(folder: Path, *paths: str) -> list[str]:
    """The same of mypy."""
    command = [sys.executable, "-m", "mypy", "--strict", "--python-version", "3.11", "--no-error-summary", *paths]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if ": error:" in line]


def test_pyright_has_nothing_against_any_package_and_its_use(folder: Path):
    assert pyright(folder, "holdfast_client_blog", "holdfast_client_nasty", "use.py", "example_*.py") == []


def test_mypy_has_nothing_against_any_package_and_its_use(folder: Path):
    examples = sorted(path.name for path in folder.glob("example_*.py"))
    assert len(examples) >= 8
    assert mypy(folder, "holdfast_client_blog", "holdfast_client_nasty", "use.py", *examples) == []


@pytest.mark.parametrize("check", [pyright, mypy])
def test_every_line_that_is_wrong_is_refused(folder: Path, check: object):
    assert callable(check)
    found = {
        int(match[1]) for line in check(folder, "wrong/wrong.py") if (match := re.search(r"wrong\.py:(\d+):", line))
    }
    lines = WRONG.splitlines()
    passed = [lines[number - 1].strip() for number in range(FIRST_WRONG, len(lines) + 1) if number not in found]
    assert passed == (list(FOR_PYRIGHT) if check is mypy else [])
