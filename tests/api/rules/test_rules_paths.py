"""Rules of other collections, where a filter, a sort, an aggregate or an expand enters them."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import pytest_asyncio

from api.rules.conftest import ID, POSTS, Society
from client import refused

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def guarded(society: Society) -> AsyncIterator[Society]:
    """Everyone lists posts; comments are their authors' to list, and of more than 2 stars anybody's to view."""
    await society.ruled("posts", listRule="", viewRule="")
    await society.ruled("comments", listRule="author = @request.auth.id", viewRule="stars > 2")
    await society.ruled("people", listRule="team = @request.auth.team", viewRule="id = @request.auth.id || rank > 1")
    await society.ruled("teams", listRule="members.id ?= @request.auth.id", viewRule="members.id ?= @request.auth.id")
    yield society
    await society.ruled("comments", listRule="", viewRule="")
    await society.ruled("people", listRule="", viewRule="")
    await society.ruled("teams", listRule="", viewRule="")


@pytest.mark.parametrize(
    ("filter", "who", "seen"),
    [
        ("comments_via_post.stars ?= 5", "bob", "p1"),
        ("comments_via_post.stars ?= 5", "cid", ""),
        ("comments_via_post.stars ?= 5", "guest", ""),
        ("comments_via_post.stars ?= 5", "root", "p1"),
        ("comments_via_post.stars ?> 0", "cid", "p1"),
        ("comments_via_post.stars ?> 0", "ann", "p3"),
        ("comments_via_post.id = ''", "cid", "p2 p3 p4"),
        ("author.name = 'bob'", "ann", "p2"),
        ("author.name = 'cid'", "ann", ""),
        ("author.name = 'cid'", "cid", "p3"),
        ("author.name != ''", "bob", "p1 p2"),
        ("author.id = '" + ID("cid") + "'", "ann", ""),
        ("author = '" + ID("cid") + "'", "ann", "p3"),
        ("team.name = 'Blue'", "ann", ""),
        ("team.name = 'Blue'", "cid", "p3"),
        ("team.members.name ?= 'ann'", "bob", "p1 p2"),
        ("author.team.name = 'Red'", "ann", "p1 p2"),
        ("author.team.name = 'Red'", "guest", ""),
        ("readers.name ?= 'cid'", "bob", ""),
        ("readers.name ?= 'bob'", "ann", "p1"),
    ],
)
async def test_a_filter_sees_what_the_caller_may_list(guarded: Society, filter: str, who: str, seen: str):
    assert " ".join(await guarded.seen(who, filter=filter)) == seen


async def test_a_sort_by_what_the_caller_may_not_list_is_a_sort_by_nothing(guarded: Society):
    assert await guarded.seen("root", sort="-author.name,id") == ["p3", "p2", "p1", "p4"]
    assert await guarded.seen("ann", sort="-author.name,id") == ["p2", "p1", "p3", "p4"]
    assert await guarded.seen("guest", sort="-author.name,id") == ["p1", "p2", "p3", "p4"]


async def test_an_aggregate_through_a_relation_groups_what_the_caller_may_list(guarded: Society):
    url, query = f"{POSTS}/aggregate", {"groupBy": "author.name", "select": "count()"}
    groups = {who: (await guarded[who].get(url, params=query)).json()["items"] for who in ("ann", "guest", "root")}
    assert [(group["author.name"], group["count()"]) for group in groups["ann"]] == [("", 2), ("ann", 1), ("bob", 1)]
    assert [(group["author.name"], group["count()"]) for group in groups["guest"]] == [("", 4)]
    assert len(groups["root"]) == 4


@pytest.mark.parametrize(
    ("expand", "who", "post", "found"),
    [
        pytest.param("author", "bob", "p2", ["bob"], id="oneself"),
        pytest.param("author", "bob", "p1", ["ann"], id="by a rule about the record"),
        pytest.param("author", "ann", "p2", None, id="a record that may not be viewed"),
        pytest.param("author", "root", "p2", ["bob"], id="a superuser"),
        pytest.param("readers", "bob", "p1", ["bob", "cid"], id="many"),
        pytest.param("readers", "guest", "p1", ["cid"], id="many, of which not all are seen"),
        pytest.param("comments_via_post", "guest", "p1", ["c1"], id="back"),
        pytest.param("comments_via_post", "root", "p1", ["c1", "c2"], id="back, a superuser"),
        pytest.param("team", "ann", "p1", ["red"], id="by a rule through a relation"),
        pytest.param("team", "cid", "p1", None, id="not by a rule through a relation"),
    ],
)
async def test_an_expand_shows_what_the_caller_may_view(
    guarded: Society, expand: str, who: str, post: str, found: list[str] | None
):
    record = (await guarded[who].get(f"{POSTS}/{ID(post)}", params={"expand": expand})).json()
    listed = (await guarded[who].get(POSTS, params={"expand": expand, "filter": f"id = '{ID(post)}'"})).json()
    assert listed["items"] == [record]
    if found is None:
        assert "expand" not in record
        return
    expanded: Any = record["expand"][expand]
    records = cast("list[Any]", expanded if isinstance(expanded, list) else [expanded])
    assert sorted(one["id"].lstrip("0") for one in records) == found


async def test_each_step_of_an_expand_asks_the_rule_of_its_own_collection(guarded: Society):
    answer = await guarded["ann"].get(f"{POSTS}/{ID('p1')}", params={"expand": "author.team.members,comments_via_post"})
    expand = answer.json()["expand"]
    members = expand["author"]["expand"]["team"]["expand"]["members"]
    assert [one["name"] for one in members] == ["ann"]  # bob's rank is 1
    assert [one["stars"] for one in expand["comments_via_post"]] == [5]


async def test_a_rule_can_tell_that_it_is_asked_for_an_expand(society: Society):
    await society.ruled("posts", viewRule="")
    await society.ruled("people", listRule="", viewRule="@request.context = 'expand'")
    expanded = (await society["guest"].get(f"{POSTS}/{ID('p1')}", params={"expand": "author"})).json()
    assert expanded["expand"]["author"]["name"] == "ann"
    refused(await society["guest"].get(f"/api/collections/people/records/{ID('ann')}"), 404, "not_found")
    await society.ruled("people", listRule="", viewRule="")


async def test_rules_go_where_the_caller_may_not(guarded: Society):
    """The rules of collections that a rule goes through do not count: a rule is the operator's own question."""
    await guarded.ruled("posts", listRule="comments_via_post.stars ?= 5 && author.team.name = 'Red'")
    assert await guarded.seen("guest") == ["p1"]
    await guarded.ruled("posts", listRule="")
