"""A browser's cookies are nobody: none is set, and none that comes is looked at."""

import pytest

from client import EMAIL, PASSWORD, Api, in_one_loop, refused

LOGIN = "/api/collections/_superusers/auth-with-password"


@in_one_loop
async def test_s16_no_login_sets_a_cookie_that_somebody_could_have_set_before(shared_api: Api) -> None:
    fixed = {"Cookie": "session=chosen-by-somebody-else; token=chosen; pb_auth=chosen"}
    body = {"identity": EMAIL, "password": PASSWORD, "session": True}
    answer = await shared_api.guest.post(LOGIN, json=body, headers=fixed)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "chosen" not in answer.text
    refresh = {"refreshToken": answer.json()["refreshToken"]}
    answer = await shared_api.guest.post("/api/collections/_superusers/auth-refresh", json=refresh, headers=fixed)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


@in_one_loop
@pytest.mark.parametrize("name", ["Authorization", "token", "pb_auth", "session", "__Host-session", "X-API-Key"])
async def test_a_token_in_a_cookie_is_no_token(shared_api: Api, name: str) -> None:
    """So no other site can have a browser ask in somebody's name: what it sends along by itself counts for nothing."""
    token = await shared_api.login()
    refused(await shared_api.guest.get("/api/settings", headers={"Cookie": f"{name}={token}"}), 401, "unauthenticated")
