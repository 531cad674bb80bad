"""`/api/console/preferences`: how a superuser wants the console to look, in whichever browser."""

from typing import Any

import pytest

from client import EMAIL, PASSWORD, Api, in_one_loop, refused

pytestmark = in_one_loop
PATH = "/api/console/preferences"


async def kept(api: Api) -> dict[str, Any]:
    """What another browser begins with after its login."""
    async with api.client() as browser:
        own = {"Sec-Fetch-Site": "same-origin"}
        body = {"identity": EMAIL, "password": PASSWORD}
        begun = await browser.post("/api/console/session", json=body, headers=own)
        assert begun.status_code == 200, begun.text
        cookie = {"Cookie": begun.headers["set-cookie"].partition(";")[0]}
        answer = await browser.get("/api/console/bootstrap", headers={**own, **cookie})
    return answer.json()["preferences"]


async def test_what_was_chosen_in_one_browser_is_there_in_another(shared_api: Api) -> None:
    await shared_api.root.put(PATH, json={"theme": "dark", "times": "utc"})
    answer = await shared_api.root.put(PATH, json={"theme": "light"})
    assert answer.status_code == 204, answer.text
    assert await kept(shared_api) == {"theme": "light", "times": "utc"}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [({"theme": "blue"}, "theme"), ({"times": 1}, "times"), ({"theme": ["dark"]}, "theme"), ({"size": "dark"}, "size")],
)
async def test_a_preference_that_there_is_not_is_refused(shared_api: Api, body: dict[str, Any], wrong: str) -> None:
    found = refused(await shared_api.root.put(PATH, json=body), 400, "validation_failed")
    assert list(found["data"]) == [wrong]


async def test_who_has_not_logged_in_as_a_superuser_has_no_preferences(shared_api: Api) -> None:
    refused(await shared_api.guest.put(PATH, json={}), 401, "unauthenticated")
    made = (await shared_api.root.post("/api/keys", json={"name": "a program", "superuser": True})).json()
    program = shared_api.guest
    refused(await program.put(PATH, json={}, headers={"X-API-Key": made["key"]}), 403, "forbidden")
