"""A provider that a superuser tries: it is asked for real, and nobody is logged in."""

from typing import Any

from client import in_one_loop, refused
from desk import Desk
from oauth2_provider import REDIRECT


async def tried(desk: Desk, collection: str, sub: str, provider: str = "oidc") -> Any:
    url = f"/api/collections/{collection}/oauth2-trial"
    begun = (await desk.api.root.get(url, params={"provider": provider})).json()
    code = desk.provider.log_in(begun["authURL"], sub)["code"]
    body = {"provider": provider, "code": code, "codeVerifier": begun["codeVerifier"], "redirectURL": REDIRECT}
    return await desk.api.root.post(url, json=body)


@in_one_loop
async def test_a_trial_says_who_it_is_and_whose_account_that_would_be(desk: Desk) -> None:
    # Before it is let loose on anybody.
    collection = await desk.open({"enabled": False})
    sub = desk.somebody()
    answer = await tried(desk, collection, sub)
    assert answer.json() == {
        "id": sub,
        "name": "Ann Lee",
        "username": "",
        "email": f"{sub}@example.com",
        "avatarURL": "",
        "outcome": "new",
        "record": "",
    }
    assert (await desk.api.root.get(f"/api/collections/{collection}/records")).json()["items"] == []
    person = await desk.person(collection, email=f"{sub}@example.com")
    answer = (await tried(desk, collection, sub)).json()
    assert (answer["outcome"], answer["record"]) == ("email", person.id)
    await desk.api.root.patch(f"/api/collections/{collection}", json={"oauth2": {"enabled": True}})
    await desk.came(collection, sub)
    answer = (await tried(desk, collection, sub)).json()
    assert (answer["outcome"], answer["record"]) == ("linked", person.id)


@in_one_loop
async def test_what_is_wrong_with_a_trial_is_said(desk: Desk) -> None:
    collection = await desk.open()
    url = f"/api/collections/{collection}/oauth2-trial"
    answer = await desk.api.root.get(url, params={"provider": "nobody"})
    assert refused(answer, 400, "validation_failed")["data"].keys() == {"provider"}
    body = {"provider": "oidc", "code": "made up", "redirectURL": REDIRECT}
    answer = await desk.api.root.post(url, json=body)
    assert refused(answer, 400, "validation_failed")["data"].keys() == {"codeVerifier"}
    answer = await desk.api.root.post(url, json={**body, "codeVerifier": "v" * 43})
    assert "did not take the code" in refused(answer, 400, "bad_request")["message"]
    refused(await desk.api.guest.post(url, json=body), 401, "unauthenticated")
