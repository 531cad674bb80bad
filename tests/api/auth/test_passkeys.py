"""Passkeys, with an authenticator in software: made, used, and everything that is not quite one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pyotp
import pytest
import pytest_asyncio

from client import EMAIL, PASSWORD, Api, in_one_loop, refused, running
from holdfast.auth.passkeys import MOST_PASSKEYS, sweep_challenges
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT
from software_authenticator import Authenticator, Credential, decode, encode

USERS = "/api/collections/users/"
KEYS = USERS + "passkeys"
ORIGIN = "https://shop.example"
names = iter(range(10_000))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """One server at ORIGIN for all tests that leave nothing behind."""
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("site"), public_url=ORIGIN) as made:
        yield made
    await drop_database(cluster, dsn)


class Person:
    """A user who is logged in, with a device."""

    def __init__(self, api: Api, email: str, id: str, token: str, device: Authenticator) -> None:
        self.api = api
        self.email = email
        self.id = id
        self.client = api.client(token)
        self.device = device

    async def asked(self) -> dict[str, Any]:
        answer = await self.client.post(KEYS + "/register-options")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def make(self, name: str = "Telephone") -> dict[str, Any]:
        body = {"name": name, "credential": self.device.create(await self.asked())}
        answer = await self.client.post(KEYS + "/register", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def login(self, **more: Any) -> httpx.Response:
        return await login(self.api, self.device.get(await asked_to_login(self.api)), **more)


async def asked_to_login(api: Api) -> dict[str, Any]:
    answer = await api.guest.post(KEYS + "/login-options")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def login(api: Api, credential: object, **more: Any) -> httpx.Response:
    return await api.guest.post(KEYS + "/login", json={"credential": credential, **more})


async def person(api: Api, **device: Any) -> Person:
    email = f"person{next(names)}@example.com"
    made = await api.create("users", email=email, password=PASSWORD, passwordConfirm=PASSWORD)
    token = await api.login(email, PASSWORD, "users")
    return Person(api, email, made["id"], token, Authenticator(ORIGIN, **device))


async def with_passkey(api: Api, **device: Any) -> Person:
    found = await person(api, **device)
    await found.make()
    return found


async def run(api: Api, sql: str, *values: object) -> Any:
    connection = await api.pool.acquire()
    try:
        return await connection.fetchval(sql, *values)
    finally:
        api.pool.release(connection)


def failed(answer: httpx.Response) -> None:
    """A login that failed says the same for every reason."""
    found = refused(answer, 400, "bad_request")
    assert (found["message"], found["data"]) == ("Failed to authenticate.", {})


@in_one_loop
async def test_a_passkey_is_made_and_logs_in_without_a_name(site: Api) -> None:
    found = await person(site)
    made = await found.make("My telephone")
    assert made.keys() == {"id", "name", "transports", "synced", "created", "lastUsed"}
    assert (made["name"], made["transports"], made["synced"], made["lastUsed"]) == (
        "My telephone",
        ["internal", "hybrid"],
        False,
        "",
    )
    answer = await found.login()
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["record"]["id"] == found.id
    (listed,) = (await site.client(answer.json()["token"]).get(KEYS)).json()["items"]
    assert listed["lastUsed"] > listed["created"]


@in_one_loop
async def test_what_a_browser_is_asked_tells_nobody_who_has_a_passkey(site: Api) -> None:
    await with_passkey(site)
    asked = await asked_to_login(site)
    assert asked["rpId"] == "shop.example"
    assert asked.get("allowCredentials", []) == []
    assert len(decode(asked["challenge"])) >= 16
    assert asked["challenge"] != (await asked_to_login(site))["challenge"]


@in_one_loop
async def test_a_person_is_called_by_a_handle_that_says_nothing(site: Api) -> None:
    found = await person(site)
    asked = await found.asked()
    handle = decode(asked["user"]["id"])
    assert (asked["rp"]["id"], asked["user"]["name"]) == ("shop.example", found.email)
    assert found.id.encode() not in handle
    assert asked["user"]["id"] == (await found.asked())["user"]["id"]
    assert asked["authenticatorSelection"]["residentKey"] == "required"


@in_one_loop
async def test_a_passkey_can_begin_a_session(site: Api) -> None:
    found = await with_passkey(site)
    answer = (await found.login(session=True)).json()
    renewed = await site.guest.post(USERS + "auth-refresh", json={"refreshToken": answer["refreshToken"]})
    assert renewed.status_code == 200


@in_one_loop
async def test_a_challenge_is_answered_once(site: Api) -> None:
    found = await with_passkey(site)
    credential = found.device.get(await asked_to_login(site))
    assert (await login(site, credential)).status_code == 200
    failed(await login(site, credential))
    # Nor a second time by a newer signature.
    asked = await asked_to_login(site)
    assert (await login(site, found.device.get(asked))).status_code == 200
    failed(await login(site, found.device.get(asked)))


@in_one_loop
async def test_of_many_answers_at_once_one_counts(site: Api) -> None:
    found = await with_passkey(site)
    credential = found.device.get(await asked_to_login(site))
    answers = await asyncio.gather(*(login(site, credential) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


@in_one_loop
async def test_a_challenge_that_is_old_counts_no_more(site: Api) -> None:
    found = await with_passkey(site)
    asked = await asked_to_login(site)
    to_register = await found.asked()
    await run(site, "UPDATE holdfast.challenges SET expires = now() - interval '1 s'")
    failed(await login(site, found.device.get(asked)))
    other = Authenticator(ORIGIN)
    answer = await found.client.post(KEYS + "/register", json={"credential": other.create(to_register)})
    refused(answer, 400, "bad_request")
    assert await sweep_challenges(site.pool) >= 2
    assert await sweep_challenges(site.pool) == 0


@in_one_loop
@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"origin": "https://evil.example"}, id="another page"),
        pytest.param({"origin": "https://shop.example.evil.test"}, id="a page that begins like ours"),
        pytest.param({"origin": "http://shop.example"}, id="without https"),
        pytest.param({"origin": "https://shop.example:8443"}, id="another port"),
        pytest.param({"challenge": encode(b"x" * 32)}, id="a challenge of its own"),
        pytest.param({"challenge": ""}, id="no challenge"),
        pytest.param({"challenge": 5}, id="the challenge is a number"),
        pytest.param({"type": "webauthn.create"}, id="the other ceremony"),
        pytest.param({"type": "payment.get"}, id="no ceremony of ours"),
    ],
)
async def test_what_the_browser_says_has_to_fit(site: Api, said: dict[str, Any]) -> None:
    found = await with_passkey(site)
    failed(await login(site, found.device.get(await asked_to_login(site), **said)))


def _spoiled(credential: dict[str, Any], key: str, at: int) -> dict[str, Any]:
    content = bytearray(decode(credential["response"][key]))
    content[at] ^= 1
    return {**credential, "response": {**credential["response"], key: encode(bytes(content))}}


@in_one_loop
@pytest.mark.parametrize(
    ("key", "at"),
    [
        pytest.param("signature", -1, id="the signature"),
        pytest.param("authenticatorData", 0, id="the domain"),
        pytest.param("authenticatorData", 32, id="that somebody was there"),
        pytest.param("authenticatorData", 33, id="the counter"),
        pytest.param("userHandle", 0, id="whose it is"),
        pytest.param("clientDataJSON", -3, id="what the browser said"),
    ],
)
async def test_what_was_changed_after_signing_counts_no_more(site: Api, key: str, at: int) -> None:
    found = await with_passkey(site)
    failed(await login(site, _spoiled(found.device.get(await asked_to_login(site)), key, at)))


@in_one_loop
async def test_a_passkey_of_another_site_does_not_fit(site: Api) -> None:
    found = await with_passkey(site)
    found.device.credentials[-1].party = "evil.example"
    failed(await found.login())


@in_one_loop
async def test_a_key_that_nobody_registered_opens_nothing(site: Api) -> None:
    found = await with_passkey(site)
    stranger = Credential("shop.example", found.device.credentials[-1].handle)
    failed(await login(site, found.device.get(await asked_to_login(site), stranger)))
    # Not even under the id of one that somebody did.
    stranger.id = found.device.credentials[-1].id
    stranger.counter = 100
    failed(await login(site, found.device.get(await asked_to_login(site), stranger)))


@in_one_loop
async def test_a_copy_of_a_passkey_is_noticed_by_its_counter(site: Api) -> None:
    found = await with_passkey(site)
    assert (await found.login()).status_code == 200
    assert (await found.login()).status_code == 200
    found.device.credentials[-1].counter = 0  # the copy starts where the passkey was copied
    failed(await found.login())
    found.device.credentials[-1].counter = 10
    assert (await found.login()).status_code == 200


@in_one_loop
async def test_a_passkey_that_does_not_count_is_taken(site: Api) -> None:
    found = await with_passkey(site, counts=False)
    assert (await found.login()).status_code == 200
    assert (await found.login()).status_code == 200
    assert [one["synced"] for one in (await found.client.get(KEYS)).json()["items"]] == [True]


@in_one_loop
@pytest.mark.parametrize(
    "credential",
    [
        pytest.param({}, id="empty"),
        pytest.param({"response": None}, id="no response"),
        pytest.param({"response": {"clientDataJSON": 5}}, id="client data is a number"),
        pytest.param({"response": {"clientDataJSON": "!!!"}}, id="client data is no base64"),
        pytest.param({"response": {"clientDataJSON": encode(b"[]")}}, id="client data is a list"),
        pytest.param({"response": {"clientDataJSON": "é"}}, id="client data is not ASCII"),
        pytest.param({"response": []}, id="the response is a list"),
    ],
)
async def test_nonsense_is_no_passkey_and_no_fault(site: Api, credential: dict[str, Any]) -> None:
    failed(await login(site, credential))
    found = await person(site)
    refused(await found.client.post(KEYS + "/register", json={"credential": credential}), 400, "bad_request")


@in_one_loop
@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("signature", ""),
        ("signature", "AAAA"),
        ("signature", None),
        ("authenticatorData", "AAAA"),
        ("authenticatorData", 7),
        ("userHandle", 7),
        ("userHandle", "?"),
    ],
)
async def test_parts_that_are_nonsense_are_no_fault_either(site: Api, key: str, content: object) -> None:
    found = await with_passkey(site)
    credential = found.device.get(await asked_to_login(site))
    failed(await login(site, {**credential, "response": {**credential["response"], key: content}}))


@in_one_loop
@pytest.mark.parametrize(
    "attestation", ["", "AAAA", encode(b"\xff" * 40), encode(b"\xa1\x63fmt\x64none"), None, 5], ids=repr
)
async def test_a_registration_that_is_nonsense_is_no_fault(site: Api, attestation: object) -> None:
    found = await person(site)
    credential = found.device.create(await found.asked())
    credential["response"]["attestationObject"] = attestation
    refused(await found.client.post(KEYS + "/register", json={"credential": credential}), 400, "bad_request")


@in_one_loop
@pytest.mark.parametrize("credential", [None, "text", [], 5], ids=repr)
async def test_a_credential_that_is_no_object_is_named(site: Api, credential: object) -> None:
    assert refused(await login(site, credential), 400, "validation_failed")["data"].keys() == {"credential"}


@in_one_loop
@pytest.mark.parametrize("name", [5, "x" * 101], ids=repr)
async def test_a_name_that_is_none_is_named(site: Api, name: object) -> None:
    found = await person(site)
    body = {"name": name, "credential": found.device.create(await found.asked())}
    answer = await found.client.post(KEYS + "/register", json=body)
    assert refused(answer, 400, "validation_failed")["data"].keys() == {"name"}


@in_one_loop
async def test_the_challenge_of_one_person_registers_nothing_for_another(site: Api) -> None:
    found, other = await person(site), await person(site)
    credential = found.device.create(await found.asked())
    refused(await other.client.post(KEYS + "/register", json={"credential": credential}), 400, "bad_request")
    # Nor does one that was made for a login.
    asked = {**await found.asked(), "challenge": (await asked_to_login(site))["challenge"]}
    answer = await found.client.post(KEYS + "/register", json={"credential": Authenticator(ORIGIN).create(asked)})
    refused(answer, 400, "bad_request")


@in_one_loop
async def test_the_same_passkey_is_not_registered_twice(site: Api) -> None:
    found, thief = await with_passkey(site), await person(site)
    with pytest.raises(ValueError, match="InvalidStateError"):
        found.device.create(await found.asked())
    # Somebody who saw the id of another's passkey cannot have it.
    stolen = thief.device.create(await thief.asked(), id=found.device.credentials[-1].id)
    refused(await thief.client.post(KEYS + "/register", json={"credential": stolen}), 400, "bad_request")
    failed(await thief.login())
    assert (await found.login()).json()["record"]["id"] == found.id


@in_one_loop
async def test_a_person_has_several_and_deletes_one(site: Api) -> None:
    found = await with_passkey(site)
    first = found.device
    found.device = Authenticator(ORIGIN)
    made = await found.make("Key ring")
    assert [one["name"] for one in (await found.client.get(KEYS)).json()["items"]] == ["Telephone", "Key ring"]
    assert (await found.client.delete(f"{KEYS}/{made['id']}")).status_code == 204
    refused(await found.client.delete(f"{KEYS}/{made['id']}"), 404, "not_found")
    failed(await found.login())
    found.device = first
    assert (await found.login()).status_code == 200


@in_one_loop
async def test_nobody_else_reaches_them_but_superusers(site: Api) -> None:
    found, stranger = await with_passkey(site), await person(site)
    named = {"record": found.id}
    (one,) = (await found.client.get(KEYS)).json()["items"]
    refused(await site.guest.get(KEYS), 401, "unauthenticated")
    refused(await site.guest.post(KEYS + "/register-options"), 401, "unauthenticated")
    refused(await stranger.client.get(KEYS, params=named), 403, "forbidden")
    refused(await stranger.client.delete(f"{KEYS}/{one['id']}"), 404, "not_found")
    refused(await site.root.post(KEYS + "/register-options", params=named), 403, "forbidden")
    assert len((await site.root.get(KEYS, params=named)).json()["items"]) == 1
    assert (await site.root.delete(f"{KEYS}/{one['id']}", params=named)).status_code == 204
    failed(await found.login())


@in_one_loop
async def test_a_passkey_opens_its_own_collection_only(site: Api) -> None:
    found = await with_passkey(site)
    path = "/api/collections/_superusers/passkeys"
    asked = (await site.guest.post(path + "/login-options")).json()
    failed(await site.guest.post(path + "/login", json={"credential": found.device.get(asked)}))
    asked = (await site.guest.post(path + "/login-options")).json()
    failed(await login(site, found.device.get(asked)))


@in_one_loop
async def test_a_superuser_can_have_one(site: Api) -> None:
    path = "/api/collections/_superusers/passkeys"
    device = Authenticator(ORIGIN)
    asked = (await site.root.post(path + "/register-options")).json()
    made = await site.root.post(path + "/register", json={"credential": device.create(asked)})
    assert made.json()["name"] == "Passkey"
    asked = (await site.guest.post(path + "/login-options")).json()
    answer = await site.guest.post(path + "/login", json={"credential": device.get(asked)})
    assert answer.json()["record"]["email"] == EMAIL
    assert (await site.client(answer.json()["token"]).get("/api/collections")).status_code == 200
    assert (await site.root.delete(f"{path}/{made.json()['id']}")).status_code == 204


@in_one_loop
async def test_a_passkey_that_looked_at_the_person_is_two_factors_and_one_that_did_not_is_one(site: Api) -> None:
    found = await with_passkey(site)
    secret = (await found.client.post(USERS + "totp/enroll")).json()["secret"]
    code = pyotp.TOTP(secret).now()
    assert (await found.client.post(USERS + "totp/confirm", json={"code": code})).status_code == 200
    assert (await found.login()).status_code == 200
    found.device.verified = False
    first = await found.login()
    assert first.status_code == 401
    await run(site, "UPDATE holdfast.totps SET last_step = 0")
    body = {"mfaId": first.json()["mfaId"], "code": pyotp.TOTP(secret).now()}
    assert (await site.guest.post(USERS + "auth-with-totp", json=body)).status_code == 200


async def options(api: Api, **changes: Any) -> None:
    answer = await api.root.patch("/api/collections/users", json=changes)
    assert answer.status_code == 200, answer.text


@in_one_loop
async def test_the_collection_decides_who_comes_in(site: Api) -> None:
    found = await with_passkey(site)
    credential = found.device.get(await asked_to_login(site))
    await options(site, authRule="verified = true")
    refused(await login(site, credential), 403, "forbidden")
    await options(site, authRule="", passkeyAuth={"enabled": False})
    for path in ("login-options", "register-options"):
        refused(await found.client.post(f"{KEYS}/{path}"), 403, "forbidden")
    refused(await login(site, credential), 403, "forbidden")
    await options(site, passkeyAuth={"enabled": True})
    assert (await found.login()).status_code == 200


@in_one_loop
async def test_a_record_that_is_gone_has_no_passkey(site: Api) -> None:
    found = await with_passkey(site)
    assert (await site.root.delete(f"{USERS}records/{found.id}")).status_code == 204
    failed(await found.login())


@in_one_loop
async def test_there_is_an_end_to_how_many_one_has(site: Api) -> None:
    found = await with_passkey(site)
    await run(
        site,
        "INSERT INTO holdfast.passkeys (id, collection_id, record_id, name, credential_id, public_key, sign_count)"
        " SELECT 'f' || n, collection_id, record_id, name, n::text::bytea, public_key, 0"
        " FROM holdfast.passkeys, generate_series(2, $1::int) AS n WHERE record_id = $2",
        MOST_PASSKEYS,
        found.id,
    )
    refused(await found.client.post(KEYS + "/register-options"), 400, "bad_request")


async def test_a_server_that_is_an_address_of_numbers_says_what_is_missing(start_api: Any) -> None:
    async with start_api(public_url="https://192.0.2.10") as api:
        answer = await api.guest.post(KEYS + "/login-options")
        assert "public_url" in refused(answer, 400, "bad_request")["message"]
