"""The first run: a link that works once."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asgi_lifespan import lifespan
from client import Api, Seen, refused
from holdfast.app import create_app
from holdfast.auth.setup import make_setup_token, setup_link
from holdfast.auth.superusers import upsert_superuser
from holdfast.config import Settings
from holdfast.db.cannot_start import CannotStart
from holdfast.db.pool import Pool
from holdfast.db.session import session_settings
from holdfast.start import prepare, prepare_schema

GOOD = {"email": "first@example.com", "password": "long enough"}
ORIGIN = "http://127.0.0.1:8090"


@pytest.fixture
def database(unclaimed_database: str) -> str:
    return unclaimed_database


@pytest.fixture
async def fresh(database: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The application before anybody has set it up."""
    settings = Settings(data=tmp_path, background=False)
    await prepare_schema(settings, database)
    front = create_app(settings, database, seen := Seen())
    pool = Pool(database, size=2, settings=session_settings(settings))
    async with lifespan(front):
        yield Api(front, settings, pool, seen)
    await pool.close()


async def new_token(api: Api) -> str:
    token = await make_setup_token(api.pool)
    assert token is not None
    return token


async def test_the_link_makes_the_first_superuser_and_logs_it_in(fresh: Api) -> None:
    token = await new_token(fresh)
    assert (await fresh.guest.get("/api/setup", params={"token": token})).json() == {"setup": True}
    answer = await fresh.guest.post("/api/setup", json={"token": token, **GOOD})
    assert answer.status_code == 200, answer.text
    assert answer.json()["record"]["email"] == "first@example.com"
    assert (await fresh.client(answer.json()["token"]).get("/api/collections")).status_code == 200


async def test_it_works_once(fresh: Api) -> None:
    token = await new_token(fresh)
    await fresh.guest.post("/api/setup", json={"token": token, **GOOD})
    refused(await fresh.guest.post("/api/setup", json={"token": token, **GOOD}), 404, "not_found")
    refused(await fresh.guest.get("/api/setup", params={"token": token}), 404, "not_found")
    assert await make_setup_token(fresh.pool) is None


async def test_a_link_that_nobody_used_is_closed_by_a_superuser_who_was_made_otherwise(fresh: Api) -> None:
    token = await new_token(fresh)
    await upsert_superuser(fresh.pool, "root@example.com", "long enough")
    refused(await fresh.guest.post("/api/setup", json={"token": token, **GOOD}), 404, "not_found")
    refused(await fresh.guest.get("/api/setup", params={"token": token}), 404, "not_found")
    # A wrong token gets the same answer by then: nobody learns whether there ever was a link.
    refused(await fresh.guest.post("/api/setup", json={"token": "wrong", **GOOD}), 404, "not_found")


async def test_of_two_that_come_at_once_one_is_first(fresh: Api) -> None:
    token = await new_token(fresh)
    bodies = [{"token": token, "email": f"{name}@example.com", "password": "long enough"} for name in "abcd"]
    answers = await asyncio.gather(*(fresh.guest.post("/api/setup", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404]


@pytest.mark.parametrize("token", ["", "wrong", "é", "x" * 5000])
async def test_a_wrong_token_opens_nothing(fresh: Api, token: str) -> None:
    await new_token(fresh)
    refused(await fresh.guest.get("/api/setup", params={"token": token}), 403, "forbidden")
    answer = await fresh.guest.post("/api/setup", json={"token": token or "-", **GOOD})
    refused(answer, 403, "forbidden")


async def test_without_a_link_there_is_no_setup(fresh: Api) -> None:
    refused(await fresh.guest.post("/api/setup", json={"token": "-", **GOOD}), 403, "forbidden")


async def test_a_new_link_takes_the_place_of_the_old(fresh: Api) -> None:
    old, new = await new_token(fresh), await new_token(fresh)
    refused(await fresh.guest.get("/api/setup", params={"token": old}), 403, "forbidden")
    assert (await fresh.guest.get("/api/setup", params={"token": new})).status_code == 200


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"email": "nonsense"}, {"email"}),
        ({"password": "short"}, {"password"}),
        ({"password": "x" * 1025}, {"password"}),
        ({"email": "", "password": ""}, {"email", "password"}),
        ({"token": None}, {"token"}),
        ({"email": 5}, {"email"}),
        ({"email": "a b@example.com", "password": "1234567"}, {"email", "password"}),
    ],
)
async def test_what_a_superuser_cannot_have_is_named_and_the_link_still_works(
    fresh: Api, changes: dict[str, object], fields: set[str]
) -> None:
    token = await new_token(fresh)
    answer = await fresh.guest.post("/api/setup", json={"token": token, **GOOD, **changes})
    assert refused(answer, 400, "validation_failed")["data"].keys() == fields
    assert (await fresh.guest.post("/api/setup", json={"token": token, **GOOD})).status_code == 200


async def test_the_token_is_kept_as_a_hash_only(fresh: Api) -> None:
    token = await new_token(fresh)
    connection = await fresh.pool.acquire()
    kept = await connection.fetchval("SELECT value::text FROM holdfast.settings WHERE key = 'setup'")
    fresh.pool.release(connection)
    assert token not in kept


def test_the_link_keeps_the_token_out_of_logs_on_the_way() -> None:
    assert setup_link("https://api.example.com/", "abc") == "https://api.example.com/_/setup#token=abc"


async def test_the_start_gives_a_link_until_there_is_a_superuser(database: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    link = await prepare(settings, database, ORIGIN)
    assert re.fullmatch(rf"{ORIGIN}/_/setup#token=[\w-]{{43}}", link)
    assert await prepare(settings, database, ORIGIN) != link
    named = Settings(data=tmp_path, superuser_email="root@example.com", superuser_password="long enough")
    assert await prepare(named, database, ORIGIN) == ""
    assert await prepare(settings, database, ORIGIN) == ""


async def test_the_superuser_of_the_settings_is_made_once(database: str, tmp_path: Path) -> None:
    first = Settings(data=tmp_path, superuser_email="root@example.com", superuser_password="long enough")
    other = Settings(data=tmp_path, superuser_email="else@example.com", superuser_password="long enough")
    await prepare(first, database, ORIGIN)
    await prepare(other, database, ORIGIN)
    pool = Pool(database, size=1, settings=session_settings(first))
    connection = await pool.acquire()
    assert [row["email"] for row in await connection.fetch("SELECT email FROM public._superusers")] == [
        "root@example.com"
    ]
    pool.release(connection)
    await pool.close()


async def test_settings_of_which_no_superuser_can_be_made_stop_the_start(database: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, superuser_email="nonsense", superuser_password="short")
    with pytest.raises(CannotStart, match=r"superuser_email: .* superuser_password: "):
        await prepare(settings, database, ORIGIN)


async def test_two_starts_at_once_make_one_set_of_collections(empty_database: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    await asyncio.gather(*(prepare(settings, empty_database, ORIGIN) for _ in range(3)))
    pool = Pool(empty_database, size=1, settings=session_settings(settings))
    connection = await pool.acquire()
    names = [row["name"] for row in await connection.fetch("SELECT name FROM holdfast.collections ORDER BY position")]
    pool.release(connection)
    await pool.close()
    assert names == ["_superusers", "users", "_externalAuths", "_mfas", "_otps", "_authOrigins"]
