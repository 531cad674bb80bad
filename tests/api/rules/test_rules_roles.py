"""Roles widen what the rules let somebody read: rows and fields.

The handlers are asked as principals who have roles; where those come from is for the tests of logins and keys.
"""

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
import pytest_asyncio

from api.rules.conftest import ID, Society
from holdfast.catalog.live import LiveCatalog
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Forbidden, InvalidFilter, InvalidSort, NotFound
from holdfast.http.request import Request
from holdfast.identity import GUEST, Principal
from holdfast.records import read_routes

pytestmark = pytest.mark.asyncio(loop_scope="package")

BOTH = ["list", "view"]
ROOT = Principal("superuser", "root", "_superusers", "root")


class Asking:
    """Asks the handlers of reads."""

    def __init__(self, society: Society, engine: Engine) -> None:
        self.society = society
        self._engine = engine

    def ann(self, *roles: str) -> Principal:
        return self._of("people", "ann", roles)

    def bob(self, *roles: str) -> Principal:
        return self._of("people", "bob", roles)

    def key(self, *roles: str) -> Principal:
        return Principal("key", key_id="k", roles=tuple(sorted(map(ID, roles))))

    def _of(self, collection: str, name: str, roles: tuple[str, ...]) -> Principal:
        id = self._engine.catalog.get(collection).id
        return Principal("user", id, collection, ID(name), roles=tuple(sorted(map(ID, roles))))

    def _request(self, who: Principal, query: dict[str, str]) -> Request:
        scope: dict[str, Any] = {
            "method": "GET",
            "path": "/",
            "query_string": urlencode(query).encode(),
            "headers": [],
            "client": ("192.0.2.9", 1),
        }
        request = Request(scope, None, id="", max_body_bytes=0)
        request.principal = who
        return request

    async def records(self, who: Principal, collection: str = "posts", **query: str) -> list[dict[str, Any]]:
        request = self._request(who, {"sort": "id", **query})
        answer = await read_routes.list_records(self._engine, request, self._engine.catalog.get(collection))
        page = msgspec.json.decode(answer.body)
        assert page["totalItems"] == len(page["items"])
        for record in page["items"]:
            assert list(record)[:3] == ["collectionId", "collectionName", "id"]
        return page["items"]

    async def seen(self, who: Principal, collection: str = "posts", **query: str) -> str:
        return " ".join(record["id"].lstrip("0") for record in await self.records(who, collection, **query))

    async def record(self, who: Principal, id: str, collection: str = "posts", **query: str) -> dict[str, Any]:
        request = self._request(who, query)
        answer = await read_routes.view_record(self._engine, request, self._engine.catalog.get(collection), ID(id))
        return msgspec.json.decode(answer.body)

    async def groups(self, who: Principal, **query: str) -> list[dict[str, Any]]:
        request = self._request(who, query)
        answer = await read_routes.aggregate_records(self._engine, request, self._engine.catalog.get("posts"))
        return msgspec.json.decode(answer.body)["items"]

    async def role(self, name: str, *permissions: dict[str, Any]) -> None:
        catalog = self._engine.catalog
        for permission in permissions:
            if permission["collection"] != "*":
                permission["collection"] = catalog.get(permission["collection"]).id
        await self.society.role(name, *permissions)
        await self._engine.live.reload()  # it follows nothing by itself

    def has(self, role: str) -> bool:
        return self._engine.catalog.role(role) is not None

    async def ruled(self, collection: str, **rules: Any) -> None:
        await self.society.ruled(collection, **rules)
        await self._engine.live.reload()


def may(collection: str, rule: str = "", read: list[str] | None = None, actions: list[str] = BOTH) -> dict[str, Any]:
    """A permission."""
    return {"collection": collection, "actions": actions, "rule": rule, "fields": {"read": read or ["*"]}}


@pytest_asyncio.fixture(loop_scope="package")
async def asking(society: Society) -> Asking:
    live = await LiveCatalog.open(society.api.pool)
    engine = Engine(settings=society.api.settings, pool=society.api.pool, live=live, secret=b"x" * 32)
    found = Asking(society, engine)
    await found.ruled("posts", listRule="public = true", viewRule="public = true")
    if found.has("misfit"):
        return found
    await found.role("lister", may("posts", "team = @request.auth.team", actions=["list"]))
    await found.role("seer", may("posts"))
    await found.role("titles", may("posts", "", ["title", "views"]))
    await found.role("own", may("posts", "author = @request.auth.id", ["*", "secret"]))
    await found.role("labels", may("posts", "views > 1", ["labels"]))
    await found.role("everything", may("*"))
    await found.role("idle", may("comments"))
    await found.role("misfit", may("*", "stars > 1"))
    return found


async def test_a_role_opens_what_the_rule_closes(asking: Asking):
    await asking.ruled("posts", listRule=None, viewRule=None)
    for who in (GUEST, asking.ann(), asking.ann("idle"), asking.key(), asking.key("idle"), asking.ann("nothing")):
        with pytest.raises(Forbidden):
            await asking.records(who)
        with pytest.raises(Forbidden):
            await asking.record(who, "p1")
    assert await asking.seen(asking.ann("seer")) == "p1 p2 p3 p4"
    assert await asking.seen(asking.key("seer")) == "p1 p2 p3 p4"
    assert (await asking.record(asking.key("seer"), "p2"))["title"] == "Two"


async def test_roles_and_rules_widen_each_other(asking: Asking):
    assert await asking.seen(asking.ann()) == "p1 p4"
    assert await asking.seen(asking.ann("lister")) == "p1 p2 p4"
    assert await asking.seen(asking.ann("own", "labels")) == "p1 p2 p3 p4"
    assert await asking.seen(asking.bob("own")) == "p1 p2 p4"
    assert await asking.seen(asking.ann("idle")) == "p1 p4"


async def test_a_permission_is_for_its_actions_alone(asking: Asking):
    assert await asking.seen(asking.ann("lister")) == "p1 p2 p4"
    with pytest.raises(NotFound):
        await asking.record(asking.ann("lister"), "p2")


async def test_a_key_is_no_logged_in_user(asking: Asking):
    """What a rule asks of the caller's record is empty for it, as for a guest."""
    await asking.ruled("posts", listRule="@request.auth.id != ''", viewRule="@request.auth.id != ''")
    assert await asking.seen(asking.ann()) == "p1 p2 p3 p4"
    for who in (GUEST, asking.key(), asking.key("own")):
        assert "p1" not in await asking.seen(who)
    await asking.ruled("posts", listRule="@request.auth.collectionName = null && @request.auth.roles:length = 0")
    assert await asking.seen(asking.key("idle")) == "p1 p2 p3 p4"


async def test_a_rule_can_name_roles(asking: Asking):
    await asking.ruled("posts", listRule="@request.auth.roles ?= 'titles' && views > 1")
    assert await asking.seen(asking.ann()) == ""
    assert await asking.seen(asking.ann("idle")) == ""
    await asking.ruled("posts", listRule="@request.auth.roles:length = 2 && @request.auth.roles:each ?~ 'idl'")
    assert await asking.seen(asking.ann("idle", "misfit")) == "p1 p2 p3 p4"
    assert await asking.seen(asking.ann("idle")) == ""
    await asking.ruled("posts", listRule="@request.auth.roles:each ?= 'idle' && @request.auth.roles != 'seer'")
    assert await asking.seen(asking.ann("idle", "misfit")) == "p1 p2 p3 p4"
    assert await asking.seen(asking.key("idle")) == ""


async def test_a_star_is_every_collection_but_those_of_the_system(asking: Asking):
    assert await asking.seen(asking.ann("everything")) == "p1 p2 p3 p4"
    assert await asking.seen(asking.ann("everything"), "passes") == "1 2 3"
    with pytest.raises(Forbidden):
        await asking.records(asking.key("everything"), "_superusers")
    assert await asking.seen(asking.key("everything"), "_otps") == ""


async def test_a_rule_for_every_collection_lets_nobody_into_those_that_it_does_not_fit(asking: Asking):
    assert await asking.seen(asking.ann("misfit"), "comments") != ""
    assert await asking.seen(asking.ann("misfit")) == "p1 p4"


# Field lists ---------------------------------------------------------------------------------------------------


async def test_a_row_shows_the_fields_of_the_ways_that_let_it_through(asking: Asking):
    records = {record["id"].lstrip("0"): record for record in await asking.records(asking.ann("titles"))}
    always = {"collectionId", "collectionName", "id"}
    assert set(records["p2"]) == always | {"title", "views"}
    assert set(records["p3"]) == always | {"title", "views"}
    whole = always | {"title", "views", "author", "team", "readers", "public", "labels", "day", "meta"}
    assert set(records["p1"]) == set(records["p4"]) == whole


async def test_field_lists_add_up_row_by_row(asking: Asking):
    records = {
        record["id"].lstrip("0"): record for record in await asking.records(asking.bob("own", "titles", "labels"))
    }
    always = {"collectionId", "collectionName", "id", "title", "views"}
    whole = always | {"author", "team", "readers", "public", "labels", "day", "meta"}
    assert set(records["p1"]) == whole
    assert set(records["p2"]) == whole | {"secret"}
    assert records["p2"]["secret"] == "s2"
    assert set(records["p3"]) == always | {"labels"}
    assert set(records["p4"]) == whole


@pytest.mark.parametrize("query", [{}, {"fields": "*"}, {"fields": "id,labels,secret,author,title"}])
async def test_a_record_is_shown_as_it_is_listed(asking: Asking, query: dict[str, str]):
    for who in (asking.bob("own", "titles", "labels"), asking.ann("titles"), asking.key("titles"), asking.ann("own")):
        request = {**query, "expand": "author,comments_via_post"}
        for record in (await asking.records(who, **query, expand="author,comments_via_post")) if not query else []:
            assert await asking.record(who, record["id"].lstrip("0"), **request) == record
    picked = await asking.record(asking.bob("own", "titles", "labels"), "p3", fields="id,labels,secret,author,title")
    assert set(picked) == {"id", "labels", "title"}


async def test_an_expand_follows_only_what_may_be_read(asking: Asking):
    who = asking.ann("titles")
    assert "expand" in await asking.record(who, "p1", expand="author")
    assert "expand" not in await asking.record(who, "p2", expand="author")
    assert (await asking.record(who, "p2", fields="expand.author.id", expand="author")) == {}
    await asking.role("stars", may("comments", "", ["stars"]))
    await asking.ruled("comments", listRule=None, viewRule=None)
    assert "expand" not in await asking.record(asking.ann("stars"), "p1", expand="comments_via_post")
    await asking.role("stars", may("comments", "", ["stars", "post"]))
    found = await asking.record(asking.ann("stars"), "p1", expand="comments_via_post")
    comment = found["expand"]["comments_via_post"][0]
    assert set(comment) == {"collectionId", "collectionName", "id", "stars", "post"}
    await asking.ruled("comments", listRule="", viewRule="")


@pytest.mark.parametrize(
    ("filter", "seen"),
    [
        ("author = '" + ID("bob") + "'", ""),  # p2 is seen, but not who wrote it
        ("author = '" + ID("ann") + "'", "p1"),
        ("author != '" + ID("ann") + "'", "p2 p3 p4"),
        ("author.name = 'bob'", ""),
        ("author.name = 'ann'", "p1"),
        ("author = ''", "p2 p3 p4"),
        ("team.name = 'Red'", "p1"),
        ("labels ?= 'b'", ""),
        ("labels ?= 'a'", "p1"),
        ("labels:length > 0", "p1"),
        ("labels:each ?~ 'a'", "p1"),
        ("readers.name ?= 'bob'", "p1"),
        ("day > '2026-06-01'", ""),
        ("public = false", ""),
        ("public != true", "p2 p3"),
        ("views > 1", "p2 p3"),
        ("title = 'Two'", "p2"),
    ],
)
async def test_a_filter_cannot_tell_what_may_not_be_read_in_a_row(asking: Asking, filter: str, seen: str):
    assert await asking.seen(asking.ann("titles"), filter=filter) == seen


async def test_fields_that_no_way_gives_are_unknown(asking: Asking):
    await asking.ruled("posts", listRule=None, viewRule=None)
    who = asking.ann("titles")
    for name in ("author", "secret", "nothing", "author.name", "comments_via_post.nothing", "labels:each"):
        with pytest.raises(InvalidFilter, match="There is no field"):
            await asking.records(who, filter=f"{name} ?= 'x'")
    with pytest.raises(InvalidSort, match="There is no field"):
        await asking.records(who, sort="author")
    for query in ({"groupBy": "author"}, {"select": "max(day)"}):
        with pytest.raises(BadRequest, match="There is no field"):
            await asking.groups(who, **query)
    assert await asking.seen(who, filter="views > 1", sort="-views") == "p3 p2"


async def test_hidden_fields_that_a_role_names_can_be_used_in_its_rows(asking: Asking):
    who = asking.bob("own")
    assert await asking.seen(who, filter="secret = 's2'") == "p2"
    assert await asking.seen(who, filter="secret = 's1'") == ""
    assert await asking.seen(who, filter="secret = ''") == "p1 p4"
    assert [record["id"].lstrip("0") for record in await asking.records(who, sort="-secret,id")] == ["p2", "p1", "p4"]
    assert await asking.groups(who, select="min(secret),max(secret)") == [{"min(secret)": "s2", "max(secret)": "s2"}]
    assert await asking.groups(who, groupBy="secret", select="count()") == [
        {"secret": "", "count()": 2},
        {"secret": "s2", "count()": 1},
    ]


async def test_a_sort_and_a_cursor_carry_nothing_that_may_not_be_read(asking: Asking):
    who = asking.ann("titles")
    assert await asking.seen(who, sort="-day,id") == "p1 p2 p3 p4"
    assert await asking.groups(who, groupBy="public", select="count()") == [
        {"public": False, "count()": 2},
        {"public": True, "count()": 2},
    ]
    assert await asking.groups(who, select="max(day)") == [{"max(day)": "2026-01-01 00:00:00.000Z"}]


async def test_a_search_finds_no_row_in_which_the_words_may_not_be_read(asking: Asking):
    who = asking.ann("labels")
    assert await asking.seen(who) == "p1 p2 p3 p4"
    assert await asking.seen(who, search="one") == "p1"
    assert await asking.seen(who, search="two") == ""
    await asking.ruled("posts", listRule=None, viewRule=None)
    with pytest.raises(BadRequest, match="no searchable fields"):
        await asking.records(who, search="two")


async def test_a_path_reads_of_another_row_what_the_caller_may_list_there(asking: Asking):
    await asking.ruled("people", listRule="rank = 1")
    await asking.role("names", may("people", "team.name = 'Red'", ["rank"]))
    who = asking.ann("names", "seer")
    assert await asking.seen(who, filter="author.rank = 3") == "p1"
    assert await asking.seen(who, filter="author.name = 'ann'") == ""
    assert await asking.seen(who, filter="author.name = 'bob'") == "p2"
    assert await asking.seen(who, filter="author.rank = 2") == ""
    assert await asking.seen(who, filter="author.team.name = 'Red'") == "p2"
    assert await asking.seen(who, filter="team.members.name ?= 'ann'") == ""
    await asking.ruled("people", listRule="")


# Emails --------------------------------------------------------------------------------------------------------


async def test_an_email_is_shown_by_choice_to_its_owner_and_to_whoever_manages(asking: Asking):
    async def emails(who: Principal) -> dict[str, str]:
        found = {record["name"]: record.get("email", "-") for record in await asking.records(who, "people")}
        for name in found:
            assert (await asking.record(who, name, "people")).get("email", "-") == found[name]
        expanded = await asking.record(who, "p1", expand="author,readers")
        people = [expanded["expand"]["author"], *expanded["expand"]["readers"]]
        for one in people:
            assert one.get("email", "-") == found[one["name"]]
        return found

    ann, bob, cid = (f"{name}@example.com" for name in ("ann", "bob", "cid"))
    assert await emails(GUEST) == {"ann": "-", "bob": bob, "cid": "-"}
    assert await emails(asking.ann()) == {"ann": ann, "bob": bob, "cid": "-"}
    await asking.ruled("people", manageRule="@request.auth.rank > 2 && team.name = 'Blue'")
    assert await emails(asking.ann()) == {"ann": ann, "bob": bob, "cid": cid}
    assert await emails(asking.bob()) == {"ann": "-", "bob": bob, "cid": "-"}
    for who, seen in ((asking.ann(), "cid"), (asking.bob(), ""), (GUEST, "")):
        assert await asking.seen(who, "people", filter=f"email = '{cid}'") == seen
        asked = msgspec.structs.replace(who, roles=(ID("seer"),))
        assert await asking.seen(asked, filter=f"author.email = '{cid}'") == ("p3" if seen else "")
    assert await asking.seen(asking.ann(), "people", filter="email = ''") == ""
    assert await asking.seen(asking.bob(), "people", filter="email = ''") == "ann cid"
    assert await asking.seen(asking.bob(), "people", sort="email,id") == "ann cid bob"
    await asking.ruled("people", manageRule=None)


async def test_a_permission_that_names_the_email_does_not_show_the_hidden_ones(asking: Asking):
    await asking.ruled("people", listRule=None)
    await asking.role("mails", may("people", "rank > 0", ["email"]))
    found = await asking.records(asking.key("mails"), "people")
    assert [record.get("email") for record in found] == [None, "bob@example.com", None]
    assert all("name" not in record for record in found)
    await asking.ruled("people", listRule="")


async def test_what_roles_somebody_has_is_told_to_them_and_to_whoever_manages(asking: Asking):
    """To others it is like a field without a value: in records, filters, sorts, groups and what is written."""
    await asking.role("editor")
    have = "UPDATE people SET roles = ARRAY['editor'] WHERE id = ANY ($1)"
    await asking.society.run(have, [ID("ann"), ID("cid")])

    async def roles(who: Principal) -> dict[str, Any]:
        found = {record["name"]: record.get("roles", "-") for record in await asking.records(who, "people")}
        for name in found:
            assert (await asking.record(who, name, "people")).get("roles", "-") == found[name]
        expanded = await asking.record(who, "p1", expand="author,readers")
        for one in [expanded["expand"]["author"], *expanded["expand"]["readers"]]:
            assert one.get("roles", "-") == found[one["name"]]
        return found

    everybody = {"ann": ["editor"], "bob": [], "cid": ["editor"]}
    assert await roles(GUEST) == {"ann": "-", "bob": "-", "cid": "-"}
    assert await roles(asking.key("seer")) == {"ann": "-", "bob": "-", "cid": "-"}
    assert await roles(asking.ann()) == {"ann": ["editor"], "bob": "-", "cid": "-"}
    assert await roles(ROOT) == everybody
    await asking.ruled("people", manageRule="@request.auth.rank > 2")
    assert await roles(asking.ann()) == everybody
    for who, seen in ((asking.ann(), "ann cid"), (asking.bob(), ""), (GUEST, ""), (ROOT, "ann cid")):
        for text in (
            "roles ?= 'editor'",
            "roles ?~ 'edi'",
            "roles:length > 0",
            "roles:length = 1 && roles:each = 'editor'",
        ):
            assert await asking.seen(who, "people", filter=text) == seen, text
        asked = msgspec.structs.replace(who, roles=(ID("seer"),)) if who.kind != "superuser" else who
        assert await asking.seen(asked, filter="author.roles ?= 'editor'") == ("p1 p3" if seen else "")
    await asking.ruled("people", manageRule=None)
    await asking.society.run("UPDATE people SET roles = '{}'")


async def test_one_plan_serves_all_of_an_audience(asking: Asking):
    await asking.ruled("posts", listRule="author = @request.auth.id && @request.query.q:isset = false")
    society = asking.society
    live = await LiveCatalog.open(society.api.pool)
    engine = Engine(settings=society.api.settings, pool=society.api.pool, live=live, secret=b"x" * 32)
    fresh = Asking(society, engine)
    people = live.now.get("people").id
    for number in range(200):
        who = Principal("user", people, "people", f"{number:015}")
        assert await fresh.records(who) == []
    assert [await fresh.seen(who) for who in (fresh.ann(), fresh.bob())] == ["p1", "p2"]
    assert len(engine.plans) == 2  # by the query string as it came, and by its shape
