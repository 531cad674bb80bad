"""The index that pip and uv install the client from."""

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from client import Api, in_one_loop, refused
from holdfast.sdk import shelf

pytestmark = in_one_loop
SIMPLE = "/api/sdk/python/simple/"
PROJECT = SIMPLE + "holdfast-client-acme/"
JSON = {"Accept": "application/vnd.pypi.simple.v1+json, text/html;q=0.1"}


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"__token__:{password}".encode()).decode()}


async def wheel_of(client: httpx.AsyncClient) -> tuple[dict[str, Any], bytes]:
    """What the index says of the newest wheel, and its bytes."""
    page = (await client.get(PROJECT, headers=JSON)).json()
    file = page["files"][-1]
    answer = await client.get(file["url"])
    assert answer.status_code == 200, answer.text
    return file, answer.content


async def test_the_index_is_json_for_who_asks_for_it_and_html_for_all_others(shared_api: Api):
    json = await shared_api.root.get(SIMPLE, headers=JSON)
    assert json.headers["content-type"] == "application/vnd.pypi.simple.v1+json"
    assert json.json()["projects"] == [{"name": "holdfast-client-acme"}]
    html = await shared_api.root.get(SIMPLE)
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert '<a href="holdfast-client-acme/">holdfast-client-acme</a>' in html.text


async def test_the_hash_of_a_file_is_that_of_its_bytes(shared_api: Api):
    file, body = await wheel_of(shared_api.root)
    assert file["hashes"]["sha256"] == hashlib.sha256(body).hexdigest()
    assert file["size"] == len(body)
    metadata = await shared_api.root.get(file["url"] + ".metadata")
    assert file["core-metadata"]["sha256"] == hashlib.sha256(metadata.content).hexdigest()
    html = (await shared_api.root.get(PROJECT)).text
    assert f"{file['url']}#sha256={file['hashes']['sha256']}" in html


async def test_who_has_a_file_or_a_page_is_not_sent_it_again(shared_api: Api):
    file, _ = await wheel_of(shared_api.root)
    for path in (SIMPLE, PROJECT, file["url"], file["url"] + ".metadata"):
        tag = (await shared_api.root.get(path)).headers["etag"]
        again = await shared_api.root.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", [SIMPLE[:-1], PROJECT[:-1], SIMPLE + "Holdfast_Client.Acme"])
async def test_an_address_without_its_slash_leads_to_the_one_with_it(shared_api: Api, path: str):
    answer = await shared_api.root.get(path)
    assert answer.status_code == 308
    assert answer.next_request is not None
    assert answer.next_request.url.path == path + "/"
    assert (await shared_api.root.get(path, follow_redirects=True)).status_code == 200


async def test_earlier_versions_stay_in_the_index_byte_by_byte(
    start_api: Callable[..., AbstractAsyncContextManager[Api]],
):
    async with start_api() as api:
        first, body = await wheel_of(api.root)
        await api.define("lamps", [{"name": "title", "type": "text"}])
        second, _ = await wheel_of(api.root)
        page = (await api.root.get(PROJECT, headers=JSON)).json()
        assert [one["filename"] for one in page["files"]] == [first["filename"], second["filename"]]
        assert len(page["versions"]) == 2
    async with start_api() as api:  # another process, which has made none of them
        found = await api.root.get(first["url"])
        assert found.content == body
        assert (await api.root.get(first["url"] + ".metadata")).status_code == 200


async def test_so_many_versions_are_kept_and_no_more(shared_api: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shelf, "KEPT", 2)
    for number in range(3):
        await shared_api.define(f"kept_{number}")
        file, _ = await wheel_of(shared_api.root)
    files = (await shared_api.root.get(PROJECT, headers=JSON)).json()["files"]
    assert len(files) == 2
    assert files[-1] == file


async def test_after_a_new_name_the_packages_of_the_old_one_are_still_there(shared_api: Api):
    await wheel_of(shared_api.root)
    try:
        await shared_api.root.patch("/api/settings", json={"meta": {"appName": "Shop"}})
        assert (await shared_api.root.get(SIMPLE + "holdfast-client-shop/")).status_code == 200
        assert "holdfast_client_acme" in (await shared_api.root.get(PROJECT)).text
    finally:
        await shared_api.root.patch("/api/settings", json={"meta": {"appName": "Acme"}})


async def test_the_files_of_a_wheel_are_those_of_its_record(shared_api: Api):
    _, body = await wheel_of(shared_api.root)
    with zipfile.ZipFile(io.BytesIO(body)) as wheel:
        record = next(name for name in wheel.namelist() if name.endswith(".dist-info/RECORD"))
        for line in wheel.read(record).decode().splitlines():
            name, digest, size = line.split(",")
            if digest:
                found = base64.urlsafe_b64encode(hashlib.sha256(wheel.read(name)).digest()).rstrip(b"=").decode()
                assert (digest, int(size)) == (f"sha256={found}", len(wheel.read(name)))
        assert {line.split(",")[0] for line in wheel.read(record).decode().splitlines()} == set(wheel.namelist())


async def test_a_package_of_the_same_collections_has_the_same_bytes(shared_api: Api):
    first = await wheel_of(shared_api.root)
    assert await wheel_of(shared_api.root) == first


async def test_the_source_is_the_package_of_the_wheel(shared_api: Api):
    _, body = await wheel_of(shared_api.root)
    source = await shared_api.root.get("/api/sdk/python/source.zip")
    with zipfile.ZipFile(io.BytesIO(source.content)) as files, zipfile.ZipFile(io.BytesIO(body)) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert set(files.namelist()) == inside
        assert all(files.read(name) == wheel.read(name) for name in inside)


@pytest.mark.parametrize(
    "path", [SIMPLE, PROJECT, "/api/sdk/python/source.zip", "/api/sdk/python/schema.json", "/api/sdk/python/files/x"]
)
async def test_a_stranger_is_asked_for_a_key(shared_api: Api, path: str):
    answer = await shared_api.guest.get(path)
    refused(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_key_with_the_role_installs_and_one_without_does_not(shared_api: Api):
    await shared_api.root.post("/api/roles", json={"name": "sdk", "permissions": []})
    key = (await shared_api.root.post("/api/keys", json={"name": "ci", "roles": ["sdk"]})).json()["key"]
    other = (await shared_api.root.post("/api/keys", json={"name": "other"})).json()["key"]
    assert (await shared_api.guest.get(SIMPLE, headers=basic(key))).status_code == 200
    assert (await shared_api.guest.get(SIMPLE, headers={"X-API-Key": key})).status_code == 200
    refused(await shared_api.guest.get(SIMPLE, headers=basic(other)), 403, "forbidden")
    refused(await shared_api.guest.get(SIMPLE, headers=basic("hf_no_key_at_all")), 401, "unauthenticated")


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic " + "A" * 4000, "Basic w7/Dvw=="])
async def test_broken_credentials_are_those_of_a_stranger(shared_api: Api, header: str):
    refused(await shared_api.guest.get(SIMPLE, headers={"Authorization": header}), 401, "unauthenticated")


async def test_only_superusers_get_what_is_hidden(shared_api: Api):
    await shared_api.define(
        "vaults", [{"name": "title", "type": "text"}, {"name": "pin", "type": "text", "hidden": True}]
    )
    await shared_api.root.post("/api/roles", json={"name": "sdk", "permissions": []})
    key = (await shared_api.root.post("/api/keys", json={"name": "ci 2", "roles": ["sdk"]})).json()["key"]
    seen = (await shared_api.guest.get("/api/sdk/python/schema.json", headers=basic(key))).json()
    whole = (await shared_api.root.get("/api/sdk/python/schema.json")).json()
    assert "_superusers" not in [one["name"] for one in seen["collections"]]
    assert "_superusers" in [one["name"] for one in whole["collections"]]
    fields = {one["name"]: [field["name"] for field in one["fields"]] for one in seen["collections"]}
    assert fields["vaults"] == ["id", "title"]
    assert "tokenKey" not in fields["users"]
    assert whole["version"] == seen["version"] + "+all"
    wheel = (await shared_api.root.get(PROJECT, headers=JSON)).json()["files"][-1]["url"]
    refused(await shared_api.guest.get(wheel, headers=basic(key)), 404, "not_found")


@pytest.mark.parametrize("name", ["requests", "holdfast-client", "holdfast-client-acme-2", ".."])
async def test_there_is_no_other_package(shared_api: Api, name: str):
    refused(await shared_api.root.get(f"{SIMPLE}{name}/"), 404, "not_found")


async def test_a_client_learns_of_what_has_changed_for_it_and_of_nothing_else(shared_api: Api):
    async def state(theirs: str) -> str:
        answer = await shared_api.root.get("/api/health", headers={"X-Schema-Version": theirs})
        return answer.headers["x-schema-version"].partition(".")[2]

    mine = (await shared_api.root.get("/api/sdk/python/schema.json")).json()["schema"]
    public = mine[:-1] + "p"
    before = await state(public)
    assert await state(mine) == mine.partition(".")[2]
    await shared_api.root.patch("/api/settings", json={"meta": {"hideControls": True}})
    assert await state(public) == before
    await shared_api.define("drifts", [{"name": "secret", "type": "text", "hidden": True}])
    after = await state(public)
    assert after != before
    assert "x-schema-version" not in (await shared_api.root.get("/api/health")).headers


async def test_the_name_of_the_package_is_that_of_the_application(
    start_api: Callable[..., AbstractAsyncContextManager[Api]],
):
    async with start_api(docs="public") as api:
        await api.root.patch("/api/settings", json={"meta": {"appName": "Ünser  Shop!"}})
        page = (await api.guest.get(SIMPLE, headers=JSON)).json()
        assert page["projects"] == [{"name": "holdfast-client-nser-shop"}]
        names = re.findall(
            r"holdfast_client_nser_shop-[\d.]+-py3", (await api.guest.get(SIMPLE + "holdfast_client.Nser-shop/")).text
        )
        assert names
