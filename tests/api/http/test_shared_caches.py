"""What a cache between here and a browser may keep, and give to somebody else: nothing that was made for one person."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from client import Api, in_one_loop

POSTS = "/api/collections/posts/records"
SECRET = "for the owner alone"


@pytest_asyncio.fixture(loop_scope="module")
async def secrets(shared_api: Api) -> AsyncIterator[Api]:
    """A collection with one record that only superusers see."""
    closed = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"))
    await shared_api.define("posts", [{"name": "title", "type": "text"}], **closed)
    await shared_api.create("posts", id="a" * 15, title=SECRET)
    yield shared_api
    await shared_api.root.delete("/api/collections/posts")


@in_one_loop
async def test_nothing_that_was_made_for_somebody_is_kept(secrets: Api) -> None:
    key = (await secrets.root.post("/api/keys", json={"name": "k", "superuser": True})).json()["key"]
    token = secrets.root.headers["Authorization"]
    paths = (
        POSTS, f"{POSTS}/{'a' * 15}", f"{POSTS}/aggregate", f"{POSTS}/nothing", "/api/collections", "/api/settings",
        "/api/me/permissions", "/api/no", "/api/health", "/api/openapi.json", "/api/collections/users/auth-methods",
    )  # fmt: skip
    senders = ({"Authorization": token}, {"X-API-Key": key}, {"Authorization": f"Bearer {key}"}, {"X-API-Key": "hf_no"})
    for path in paths:
        for headers in senders:
            answer = await secrets.guest.get(path, headers=headers)
            kept = ",".join(answer.headers.get_list("cache-control"))
            assert "no-store" in kept, (path, answer.status_code, kept)
            assert "public" not in kept


@in_one_loop
async def test_a_token_that_is_answered_is_kept_by_nobody(secrets: Api) -> None:
    body = {"identity": "nobody@example.com", "password": "wrong password"}
    login = "/api/collections/_superusers/auth-with-password"
    assert (await secrets.guest.get("/api/collections/users/auth-methods")).headers["cache-control"] == "no-store"
    assert (await secrets.guest.get("/_/setup")).headers["cache-control"] == "no-store"
    # A cache keeps no answer to a POST unless it is told to.
    assert "public" not in (await secrets.guest.post(login, json=body)).headers.get("cache-control", "")


@in_one_loop
@pytest.mark.parametrize(
    "path",
    [
        f"{POSTS}/{'a' * 15}.css",
        f"{POSTS}/{'a' * 15}/x.css",
        f"{POSTS}/{'a' * 15}%2fx.css",
        f"{POSTS}/{'a' * 15};x.css",
        f"{POSTS}/{'a' * 15}%3fx.css",
        f"{POSTS}/{'a' * 15}%00.css",
        f"{POSTS}.css",
        "/api/settings/x.css",
        "/api/settings.css",
        "/api/keys/x.js",
        "/api/me/permissions/posts.css",
    ],
)
async def test_a_path_that_looks_like_a_file_is_not_what_stands_before_it(secrets: Api, path: str) -> None:
    answer = await secrets.root.get(path)
    assert answer.status_code == 404
    assert SECRET not in answer.text


FORWARDED = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Scheme": "nothttps",
    "X-Original-URL": "/api/health",
    "X-Rewrite-URL": "/api/health",
    "X-Host": "evil.example",
    "Forwarded": "host=evil.example;proto=gopher",
}


@in_one_loop
@pytest.mark.parametrize("path", [POSTS, "/api/nothing", "/api/docs", "/_/setup", "/_/", "/api/collections/"])
async def test_headers_that_no_cache_looks_at_change_no_answer(secrets: Api, path: str) -> None:
    request_id = {"X-Request-Id": "the-same-id"}
    plain = await secrets.guest.get(path, headers=request_id)
    for name, value in FORWARDED.items():
        answer = await secrets.guest.get(path, headers={**request_id, name: value})
        assert "evil" not in answer.text + str(answer.headers)
        assert answer.status_code == plain.status_code
        assert (len(answer.text), answer.headers.keys()) == (len(plain.text), plain.headers.keys())


@in_one_loop
async def test_what_any_cache_may_keep_is_the_same_for_everybody(secrets: Api) -> None:
    """Of the answers to guests only these say that they may be kept, and none of them depends on who asks."""
    for path in ("/api/docs/swagger-ui.js", "/api/docs/swagger-ui.css", "/.well-known/jwks.json"):
        kept = await secrets.guest.get(path)
        assert kept.headers["cache-control"].startswith("public, max-age=")
        assert (await secrets.root.get(path)).content == kept.content
