"""Logging in with the account of a real OpenID provider: whose account somebody gets, and what is asked of them."""

import asyncio
from typing import Any

import pytest

from client import PASSWORD, in_one_loop, refused
from desk import Desk


@in_one_loop
@pytest.mark.parametrize("provider", ["oidc", "oidc2"])
async def test_somebody_new_gets_a_record_and_is_known_from_then_on(desk: Desk, provider: str) -> None:
    collection = await desk.open(
        {"mappedFields": {"name": "name", "avatarURL": "picture", "id": "their"}},
        fields=[{"name": name, "type": "text"} for name in ("name", "picture", "their")],
    )
    sub = desk.somebody(picture="https://pictures.example/1.png")
    first = await desk.came(collection, sub, provider)
    record, meta = first["record"], first["meta"]
    assert (record["email"], record["verified"]) == (f"{sub}@example.com", True)
    assert (record["name"], record["picture"], record["their"]) == ("Ann Lee", "https://pictures.example/1.png", sub)
    assert await desk.is_logged_in(first["token"], collection)
    assert meta["rawUser"]["sub"] == sub
    assert {key: meta[key] for key in ("id", "name", "username", "email", "avatarURL", "isNew")} == {
        "id": sub,
        "name": "Ann Lee",
        "username": "",
        "email": f"{sub}@example.com",
        "avatarURL": "https://pictures.example/1.png",
        "isNew": True,
    }
    assert meta["accessToken"]
    assert meta["refreshToken"]
    assert meta["expiry"].endswith("Z")
    again = await desk.came(collection, sub, provider)
    assert again["record"]["id"] == record["id"]
    assert again["meta"]["isNew"] is False
    assert await desk.links(record["id"]) == [provider]


@in_one_loop
async def test_an_address_that_the_provider_does_not_vouch_for_is_nobodys(desk: Desk) -> None:
    collection = await desk.open()
    owner = await desk.person(collection, verified=True)
    for verified in (False, "false", None):
        sub = desk.somebody(email=owner.email, email_verified=verified)
        answer = await desk.came(collection, sub)
        assert answer["record"]["id"] != owner.id
        assert answer["record"]["email"] == ""
        assert answer["meta"]["email"] == ""
    assert await desk.links(owner.id) == []


@in_one_loop
async def test_an_address_that_is_not_verified_tells_nobody_whether_it_has_an_account(desk: Desk) -> None:
    collection = await desk.open(createRule=None)
    owner = await desk.person(collection, verified=True)
    bodies: list[dict[str, Any]] = []
    for email in (owner.email, "nobody@example.com"):
        answer = await desk.come(collection, desk.somebody(email=email, email_verified=False))
        bodies.append({**refused(answer, 403, "forbidden"), "requestId": ""})
    assert bodies[0] == bodies[1]


@in_one_loop
@pytest.mark.parametrize("spelled", [str.lower, str.upper], ids=["as-it-is", "in-capitals"])
async def test_a_verified_account_is_found_by_its_address_and_keeps_what_it_has(desk: Desk, spelled: Any) -> None:
    collection = await desk.open()
    owner = await desk.person(collection, verified=True)
    token = await desk.log_in(owner, collection)
    answer = await desk.came(collection, desk.somebody(email=spelled(owner.email)))
    assert answer["record"]["id"] == owner.id
    assert answer["meta"]["isNew"] is False
    assert await desk.is_logged_in(token, collection)
    await desk.log_in(owner, collection)


@in_one_loop
async def test_an_account_that_somebody_made_with_the_address_of_another_is_taken_from_them(desk: Desk) -> None:
    collection = await desk.open()
    theirs = await desk.person(collection, verified=False)
    session = (
        await desk.post(
            f"{collection}/auth-with-password",
            {"identity": theirs.email, "password": PASSWORD, "session": True},
        )
    ).json()
    # They had also linked an account of theirs at another provider, and made a passkey.
    stranger = desk.somebody(email_verified=False)
    assert (await desk.came(collection, stranger, "oidc2", token=session["token"]))["record"]["id"] == theirs.id
    await desk.value(
        "INSERT INTO holdfast.passkeys (id, collection_id, record_id, name, credential_id, public_key, sign_count)"
        " VALUES ($1, $2, $1, 'k', $3, '\\x01', 0)",
        theirs.id,
        (await desk.definition(collection)).id,
        theirs.id.encode(),
    )
    owner = desk.somebody(email=theirs.email)
    answer = await desk.came(collection, owner)
    assert answer["record"]["id"] == theirs.id
    assert answer["record"]["verified"] is True
    assert not await desk.is_logged_in(session["token"], collection)
    wrong = {"identity": theirs.email, "password": PASSWORD}
    refused(await desk.post(f"{collection}/auth-with-password", wrong), 400, "bad_request")
    refreshed = await desk.post(f"{collection}/auth-refresh", {"refreshToken": session["refreshToken"]})
    assert refreshed.status_code == 401
    assert await desk.links(theirs.id) == ["oidc"]
    assert await desk.value("SELECT count(*) FROM holdfast.passkeys WHERE record_id = $1", theirs.id) == 0
    assert (await desk.came(collection, stranger, "oidc2"))["record"]["id"] != theirs.id
    assert await desk.is_logged_in(answer["token"], collection)


@in_one_loop
@pytest.mark.parametrize(
    ("own", "verified", "offered", "email", "is_verified"),
    [
        pytest.param("own", True, "other", "own", True, id="another-address-changes-nothing"),
        pytest.param("own", False, "other", "own", False, id="another-address-proves-nothing"),
        pytest.param("own", False, "own", "own", True, id="the-same-address-is-verified"),
        pytest.param("", False, "other", "other", True, id="an-account-without-one-gets-it"),
        pytest.param("", False, "taken", "", False, id="but-not-one-that-somebody-has"),
    ],
)
async def test_who_is_logged_in_is_linked(
    desk: Desk, own: str, verified: bool, offered: str, email: str, is_verified: bool
) -> None:
    number = desk.number()
    addresses = {name: f"{name}{number}@example.com" if name else "" for name in ("own", "other", "taken", "")}
    collection = await desk.open(
        passwordAuth={"identityFields": ["nick"]},
        fields=[{"name": "nick", "type": "text", "unique": True}],
    )
    await desk.person(collection, email=addresses["taken"], nick="b")
    me = await desk.person(collection, email=addresses[own], verified=verified, nick="a")
    body = {"identity": "a", "password": PASSWORD}
    token = (await desk.post(f"{collection}/auth-with-password", body)).json()["token"]
    answer = await desk.came(collection, desk.somebody(email=addresses[offered]), token=token)
    assert answer["record"]["id"] == me.id
    assert (answer["record"]["email"], answer["record"]["verified"]) == (addresses[email], is_verified)
    assert await desk.links(me.id) == ["oidc"]
    assert (await desk.post(f"{collection}/auth-with-password", body)).status_code == 200


@in_one_loop
async def test_who_is_logged_in_elsewhere_is_not(desk: Desk) -> None:
    collection, elsewhere = await desk.open(), await desk.open()
    person = await desk.person(elsewhere)
    token = await desk.log_in(person, elsewhere)
    answer = await desk.came(collection, desk.somebody(), token=token)
    assert answer["record"]["collectionName"] == collection
    assert await desk.links(person.id) == []


@in_one_loop
async def test_an_impersonation_links_nothing(desk: Desk) -> None:
    """Else who was given a token for a minute could come back for ever."""
    collection = await desk.open()
    person = await desk.person(collection, verified=True)
    answer = await desk.api.root.post(f"/api/collections/{collection}/impersonate/{person.id}", json={"duration": 60})
    came = await desk.came(collection, desk.somebody(), token=answer.json()["token"])
    assert came["record"]["id"] != person.id
    assert await desk.links(person.id) == []


@in_one_loop
async def test_a_link_comes_before_who_is_logged_in(desk: Desk) -> None:
    collection = await desk.open()
    sub = desk.somebody()
    linked = await desk.came(collection, sub)
    other = await desk.person(collection)
    answer = await desk.came(collection, sub, token=await desk.log_in(other, collection))
    assert answer["record"]["id"] == linked["record"]["id"]
    assert await desk.links(other.id) == []


@in_one_loop
async def test_one_account_has_one_link_to_a_provider(desk: Desk) -> None:
    collection = await desk.open()
    first = await desk.came(collection, desk.somebody())
    answer = await desk.come(collection, desk.somebody(), token=first["token"])
    assert "already" in refused(answer, 400, "bad_request")["message"]
    assert await desk.links(first["record"]["id"]) == ["oidc"]
    assert (await desk.came(collection, desk.somebody(), "oidc2", token=first["token"]))["meta"]["isNew"] is False
    assert await desk.links(first["record"]["id"]) == ["oidc", "oidc2"]


@in_one_loop
async def test_people_see_and_end_their_own_links_and_nobody_elses(desk: Desk) -> None:
    collection = await desk.open()
    sub = desk.somebody()
    mine, other = await desk.came(collection, sub), await desk.came(collection, desk.somebody())
    path = "/api/collections/_externalAuths/records"
    me, them = desk.api.client(mine["token"]), desk.api.client(other["token"])
    items = (await me.get(path)).json()["items"]
    assert [(one["provider"], one["providerId"], one["recordRef"]) for one in items] == [
        ("oidc", sub, mine["record"]["id"])
    ]
    assert (await desk.api.guest.get(path)).json()["items"] == []
    refused(await them.delete(f"{path}/{items[0]['id']}"), 404, "not_found")
    refused(await me.patch(f"{path}/{items[0]['id']}", json={"providerId": "x"}), 403, "forbidden")
    refused(await me.post(path, json={**items[0], "id": ""}), 403, "forbidden")
    assert (await me.delete(f"{path}/{items[0]['id']}")).status_code == 204
    again = await desk.came(collection, sub)
    assert again["record"]["id"] == mine["record"]["id"]  # by the address, which is verified


@in_one_loop
async def test_who_links_and_unlinks_stands_in_the_audit_log(desk: Desk) -> None:
    collection = await desk.open()
    sub = desk.somebody()
    mine = (await desk.came(collection, sub))["record"]["id"]
    token = (await desk.came(collection, sub))["token"]
    path = "/api/collections/_externalAuths/records"
    link = (await desk.api.client(token).get(path)).json()["items"][0]["id"]
    await desk.api.client(token).delete(f"{path}/{link}")
    found = await desk.api.root.get("/api/audit", params={"target": mine, "action": "auth.*"})
    told = [one for one in found.json()["items"] if "linked" in one["action"]]
    assert [one["action"] for one in told] == ["auth.oauth2_unlinked", "auth.oauth2_linked"]
    for one in told:
        assert (one["actor"]["kind"], one["actor"]["id"]) == ("user", mine)
        assert one["target"] == {"kind": "user", "id": mine, "name": collection}
        assert one["details"] == {"provider": "oidc"}
        assert one["request"]
    events = "SELECT count(*) FROM holdfast.outbox WHERE type LIKE 'auth.oauth2_%' AND record LIKE '%' || $1 || '%'"
    assert await desk.value(events, mine) == 2


@in_one_loop
async def test_what_goes_along_with_an_account_is_no_unlinking(desk: Desk) -> None:
    collection = await desk.open()
    mine = (await desk.came(collection, desk.somebody()))["record"]["id"]
    await desk.api.root.delete(f"/api/collections/{collection}/records/{mine}")
    assert await desk.links(mine) == []
    told = await desk.value(
        "SELECT count(*) FROM holdfast.audit WHERE action = 'auth.oauth2_unlinked' AND target_id = $1", mine
    )
    assert told == 0


@in_one_loop
@pytest.mark.parametrize(
    ("rule", "create_data", "status"),
    [
        pytest.param(None, {}, 403, id="closed"),
        pytest.param("@request.context = 'oauth2'", {}, 200, id="only-so"),
        pytest.param("@request.context = 'default'", {}, 400, id="only-otherwise"),
        pytest.param("@request.body.invite = 'yes'", {}, 400, id="without-an-invitation"),
        pytest.param("@request.body.invite = 'yes'", {"invite": "yes"}, 200, id="with-an-invitation"),
        pytest.param("email ~ '@example.com'", {}, 200, id="by-what-the-record-will-be"),
        pytest.param("", {"verified": True}, 400, id="who-says-that-they-are-verified"),
        pytest.param("", {"roles": ["admin"]}, 400, id="who-takes-a-role"),
        pytest.param("", {"tokenKey": "a" * 50}, 400, id="who-brings-a-token-key"),
        pytest.param("", {"name": "x" * 300}, 400, id="a-name-that-does-not-fit"),
    ],
)
async def test_a_new_record_has_to_be_one_that_anybody_could_make(
    desk: Desk, rule: str | None, create_data: dict[str, Any], status: int
) -> None:
    fields = [{"name": "invite", "type": "text"}, {"name": "name", "type": "text", "max": 200}]
    collection = await desk.open(createRule=rule, fields=fields)
    sub = desk.somebody()
    answer = await desk.come(collection, sub, createData=create_data)
    assert answer.status_code == status, answer.text
    assert status != 403 or "createRule" in answer.json()["message"]
    made = await desk.value(f'SELECT count(*) FROM public."{collection}"')  # noqa: S608
    assert made == (1 if status == 200 else 0)


@in_one_loop
async def test_what_the_app_sends_comes_before_what_the_provider_says(desk: Desk) -> None:
    collection = await desk.open(
        {"mappedFields": {"name": "name"}}, fields=[{"name": "name", "type": "text"}], passwordAuth={"enabled": True}
    )
    email = f"chosen{desk.number()}@example.com"
    data = {"name": "Chosen", "email": email, "password": PASSWORD, "passwordConfirm": PASSWORD}
    answer = await desk.came(collection, desk.somebody(), createData=data)
    assert answer["record"]["name"] == "Chosen"
    assert (answer["record"]["email"], answer["record"]["verified"]) == (email, False)
    body = {"identity": email, "password": PASSWORD}
    assert (await desk.post(f"{collection}/auth-with-password", body)).status_code == 200


@in_one_loop
async def test_a_name_that_somebody_has_or_that_does_not_fit_keeps_nobody_out(desk: Desk) -> None:
    collection = await desk.open(
        {"mappedFields": {"username": "nick", "name": "short"}},
        fields=[
            {"name": "nick", "type": "text", "unique": True, "autogeneratePattern": "[a-z]{8}"},
            {"name": "short", "type": "text", "max": 3},
        ],
    )
    first = await desk.came(collection, desk.somebody(preferred_username="ann"))
    second = await desk.came(collection, desk.somebody(preferred_username="ann"))
    assert first["record"]["nick"] == "ann"
    assert second["record"]["nick"] not in ("", "ann")
    assert first["record"]["short"] == ""


@in_one_loop
async def test_a_picture_is_left_out_where_it_would_be_a_file(desk: Desk) -> None:
    collection = await desk.open({"mappedFields": {"avatarURL": "avatar"}}, fields=[{"name": "avatar", "type": "file"}])
    answer = await desk.came(collection, desk.somebody(picture="https://pictures.example/1.png"))
    assert answer["record"]["avatar"] == ""
    assert answer["meta"]["avatarURL"] == "https://pictures.example/1.png"


@in_one_loop
async def test_a_required_field_that_nobody_fills_is_named(desk: Desk) -> None:
    collection = await desk.open(fields=[{"name": "city", "type": "text", "required": True}])
    sub = desk.somebody()
    body = refused(await desk.come(collection, sub), 400, "validation_failed")
    assert list(body["data"]) == ["city"]
    assert (await desk.came(collection, sub, createData={"city": "Oslo"}))["record"]["city"] == "Oslo"


@in_one_loop
async def test_people_can_be_without_passwords_and_addresses(desk: Desk) -> None:
    collection = await desk.open(passwordAuth={"enabled": False})
    sub = desk.somebody(email=None, email_verified=None)
    answer = await desk.came(collection, sub)
    assert answer["record"]["email"] == ""
    assert (await desk.came(collection, sub))["record"]["id"] == answer["record"]["id"]


@in_one_loop
async def test_many_who_come_at_once_as_the_same_person_are_one(desk: Desk) -> None:
    collection = await desk.open()
    sub = desk.somebody()
    codes = [await desk.code(collection, sub) for _ in range(6)]
    answers = await asyncio.gather(*(desk.post(f"{collection}/auth-with-oauth2", code) for code in codes))
    assert [answer.status_code for answer in answers] == [200] * 6
    assert sum(answer.json()["meta"]["isNew"] for answer in answers) == 1
    assert len({answer.json()["record"]["id"] for answer in answers}) == 1


@in_one_loop
async def test_a_login_by_a_provider_is_like_any_other(desk: Desk) -> None:
    collection = await desk.open(authRule="blocked = false", fields=[{"name": "blocked", "type": "bool"}])
    sub = desk.somebody()
    answer = await desk.came(collection, sub, session=True, query="?fields=token,refreshToken,record.id")
    assert set(answer) == {"token", "refreshToken", "record", "meta"}
    assert set(answer["record"]) == {"id"}
    await desk.api.root.patch(f"/api/collections/{collection}/records/{answer['record']['id']}", json={"blocked": True})
    refused(await desk.come(collection, sub), 403, "forbidden")
    await desk.api.root.patch(f"/api/collections/{collection}", json={"authRule": None})
    refused(await desk.come(collection, sub), 403, "forbidden")


@in_one_loop
async def test_it_is_one_of_two_factors(desk: Desk) -> None:
    collection = await desk.open(mfa={"enabled": True, "duration": 300})
    person = await desk.person(collection, verified=True)
    sub = desk.somebody(email=person.email)
    first = await desk.come(collection, sub)
    assert first.status_code == 401
    mfa_id = first.json()["mfaId"]
    refused(await desk.come(collection, sub, mfaId=mfa_id), 400, "bad_request")
    body = {"identity": person.email, "password": PASSWORD}
    second = await desk.post(f"{collection}/auth-with-password", {**body, "mfaId": mfa_id})
    assert second.status_code == 200, second.text
    mfa_id = (await desk.post(f"{collection}/auth-with-password", body)).json()["mfaId"]
    assert (await desk.came(collection, sub, mfaId=mfa_id))["record"]["id"] == person.id


@in_one_loop
async def test_superusers_come_from_nowhere_else_unless_they_are_there(desk: Desk) -> None:
    definition = (await desk.definition(await desk.open())).auth["oauth2"]
    oauth2 = {"enabled": True, "providers": definition["providers"]}
    changed = await desk.api.root.patch("/api/collections/_superusers", json={"oauth2": oauth2})
    assert changed.status_code == 200, changed.text
    try:
        answer = await desk.come("_superusers", desk.somebody())
        assert "superuser" in refused(answer, 400, "bad_request")["message"]
        sub = desk.somebody(email="root@example.com")
        assert (await desk.came("_superusers", sub))["record"]["email"] == "root@example.com"
    finally:
        off = {"oauth2": {"enabled": False, "providers": list[Any]()}}
        assert (await desk.api.root.patch("/api/collections/_superusers", json=off)).status_code == 200
