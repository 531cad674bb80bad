"""GET /api/me/permissions: what a caller is told of what they may do."""

import pytest

from client import Api

PATH = "/api/me/permissions"
OWN = "(@request.auth.id != '' && author = @request.auth.id)"


@pytest.fixture
async def blog(api: Api) -> Api:
    """Posts that their authors may delete, a closed collection, a view, and Ann, who reviews posts."""
    permissions = [{"collection": "posts", "actions": ["update"], "fields": {"write": ["state"]}}]
    fields = [
        {"name": "title", "type": "text"},
        {"name": "state", "type": "text"},
        {"name": "secret", "type": "text", "hidden": True},
        {"name": "author", "type": "relation", "collectionId": "_pb_users_auth_", "maxSelect": 1},
    ]
    await api.define("posts", fields, viewRule=f"state = 'open' || {OWN}", updateRule=None, deleteRule=OWN)
    await api.define("closed", **dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule")))
    view = {"name": "titles", "type": "view", "viewQuery": "SELECT id, title FROM posts", "listRule": ""}
    assert (await api.root.post("/api/collections", json=view)).status_code == 200
    assert (await api.root.post("/api/roles", json={"name": "reviewer", "permissions": permissions})).status_code == 200
    password = {"password": "a long password", "passwordConfirm": "a long password"}
    ann = await api.create("users", email="ann@example.com", roles=["reviewer"], **password)
    await api.create("posts", id="own000000000001", author=ann["id"])
    await api.create("posts", id="open00000000001", state="open")
    await api.create("posts", id="other0000000001")
    return api


async def test_a_caller_is_told_what_they_may_do_and_nothing_of_what_is_closed_to_them(blog: Api):
    found = (await blog.guest.get(PATH)).json()
    assert found.keys() == {"users", "posts", "titles"} | {"_externalAuths", "_mfas", "_otps", "_authOrigins"}
    assert found["posts"] == {
        "list": {"records": "all", "fields": ["id", "title", "state", "author"]},
        "view": {"records": "some", "fields": ["id", "title", "state", "author"]},
        "create": {"records": "all", "fields": ["id", "title", "state", "author"]},
        "update": {"records": "none"},
        "delete": {"records": "some"},
    }
    none = {"records": "none"}
    titles = {"list": {"records": "all", "fields": ["id", "title"]}, "view": none, "create": none}
    assert found["titles"] == titles | {"update": none, "delete": none}
    assert (await blog.guest.get(f"{PATH}/posts")).json() == found["posts"]
    for name in ("closed", "nothing"):
        assert (await blog.guest.get(f"{PATH}/{name}")).status_code == 404


async def test_a_role_adds_what_it_lets_be_done_with_its_fields(blog: Api):
    ann = blog.client(await blog.login("ann@example.com", "a long password", "users"))
    assert (await ann.get(f"{PATH}/posts")).json()["update"] == {"records": "all", "fields": ["state"]}


@pytest.mark.parametrize(
    ("id", "found"),
    [
        pytest.param("own000000000001", {"view": True, "update": True, "delete": True}, id="own"),
        pytest.param("open00000000001", {"view": True, "update": True, "delete": False}, id="another's, open"),
        pytest.param("other0000000001", {"view": False, "update": True, "delete": False}, id="another's"),
    ],
)
async def test_of_a_record_a_caller_is_told_what_the_rules_say_of_it(blog: Api, id: str, found: dict[str, bool]):
    ann = blog.client(await blog.login("ann@example.com", "a long password", "users"))
    assert (await ann.get(f"{PATH}/posts/{id}")).json() == found


async def test_a_record_with_which_nothing_can_be_done_is_as_if_it_were_not_there(blog: Api):
    hidden = await blog.guest.get(f"{PATH}/posts/other0000000001")
    absent = await blog.guest.get(f"{PATH}/posts/nothing00000001")
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.json()["message"] == absent.json()["message"]


async def test_a_superuser_may_do_everything_but_write_views(blog: Api):
    found = (await blog.root.get(PATH)).json()
    assert found["closed"]["delete"] == {"records": "all"}
    assert "secret" in found["posts"]["update"]["fields"]
    assert found["titles"]["create"] == {"records": "none"}
    assert "tokenKey" not in found["users"]["view"]["fields"]
