"""The pages about roles, API keys and limits: examples are taken as they are written, tables are those of the code."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from client import Api
from holdfast.auth.key_reading import KEYS, SET_BY_SERVER
from holdfast.auth.principals import GUESSES, KEPT_SECONDS
from holdfast.auth.role_reading import MAX_PERMISSIONS
from holdfast.config import Settings
from holdfast.http.buckets import PAUSE_SECONDS
from holdfast.schema.app_options import RateLimits

DOCS = Path(__file__).parents[2] / "docs"
BODY = re.compile(r"-d '(\{.*?\})'", re.S)


def text(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def examples(name: str) -> list[Any]:
    """The JSON examples of a page, in order."""
    return [json.loads(found) for found in re.findall(r"^```json\n(.*?)^```$", text(name), re.M | re.S)]


def bodies(name: str) -> list[Any]:
    """What the shell of a page sends."""
    return [json.loads(found) for found in BODY.findall(text(name))]


@pytest.fixture
async def posts(api: Api) -> Api:
    await api.define("posts", [{"name": "title", "type": "text"}, {"name": "status", "type": "text"}])
    return api


async def test_the_role_of_the_page_can_be_made_and_given(posts: Api):
    role, watch, given, told = examples("reference/roles.md")
    for body in (role, watch):
        answer = await posts.root.post("/api/roles", json=body)
        assert answer.status_code == 200, answer.text
    password = {"password": "a long password", "passwordConfirm": "a long password"}
    ann = await posts.create("users", email="ann@example.com", **password)
    answer = await posts.root.patch(f"/api/collections/users/records/{ann['id']}", json=given)
    assert answer.json()["roles"] == given["roles"]
    mine: dict[str, Any] = (await posts.guest.get("/api/me/permissions")).json()
    assert told["posts"].keys() <= mine["posts"].keys()
    assert told["posts"]["list"].keys() == mine["posts"]["list"].keys()
    assert f"At most {MAX_PERMISSIONS}." in text("reference/roles.md")


def test_every_key_of_a_key_is_on_its_page():
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", text("reference/api-keys.md"), re.M)
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert listed == KEYS - {"id"}
    assert set(SET_BY_SERVER) <= KEYS


@pytest.mark.parametrize(
    ("page", "words"),
    [
        pytest.param("reference/api-keys.md", f"remembered for {KEPT_SECONDS} seconds", id="how long a key is kept"),
        pytest.param("reference/api-keys.md", f"{GUESSES} in a minute from one address", id="how many guesses"),
        pytest.param("reference/rate-limits.md", f"every {PAUSE_SECONDS:.0f} seconds", id="how often Redis is tried"),
    ],
)
def test_a_number_on_a_page_is_the_one_in_the_code(page: str, words: str):
    assert words in " ".join(text(page).split())
    assert Settings().redis_timeout_ms == 250, "the page says a quarter of a second"


async def test_the_limits_of_the_page_are_taken(posts: Api):
    (limits,) = examples("reference/rate-limits.md")
    answer = await posts.root.patch("/api/settings", json=limits)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rateLimits"] == limits["rateLimits"]


async def test_the_way_to_limits_leads_there(posts: Api):
    switched_on, login = bodies("how-to/limit-requests.md")
    rules = [{"label": one.label, "audience": one.audience} for one in RateLimits().rules]
    told = switched_on["rateLimits"]["rules"]
    assert [{"label": one["label"], "audience": one["audience"]} for one in told] == rules, "a new server has others"
    answer = await posts.root.patch("/api/settings", json=switched_on)
    assert answer.status_code == 200, answer.text

    async def log_in() -> httpx.Response:
        return await posts.guest.post("/api/collections/users/auth-with-password", json=login)

    # At once: a busy machine may take the second and a half after which a third login is let in again.
    assert sorted(one.status_code for one in await asyncio.gather(*(log_in() for _ in range(3)))) == [400, 400, 429]
    (key,) = examples("how-to/limit-requests.md")
    assert (await posts.root.post("/api/roles", json={"name": "reader"})).status_code == 200
    answer = await posts.root.post("/api/keys", json=key)
    assert answer.status_code == 200, answer.text
    assert answer.json()["rateLimit"] == key["rateLimit"]
