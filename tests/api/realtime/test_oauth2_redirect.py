"""/api/oauth2-redirect: the code goes to the page that waits for it, once."""

import pytest

from client import Api, in_one_loop
from sse import Stream, stream

pytestmark = in_one_loop

REDIRECT = "/api/oauth2-redirect"


async def waits(api: Api, opened: Stream, topics: tuple[str, ...] = ("@oauth2", "PB_CONNECT")) -> None:
    answer = await api.guest.post("/api/realtime", json={"clientId": opened.id, "subscriptions": list(topics)})
    assert answer.status_code == 204


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_code_reaches_who_waits_for_it_and_only_once(shared_api: Api, method: str):
    async with stream(shared_api.front) as opened:
        await waits(shared_api, opened)
        given = {"state": opened.id, "code": "a/code+with=all", "scope": "email"}
        sent = {"params": given} if method == "GET" else {"data": given}
        answer = await shared_api.guest.request(method, REDIRECT, **sent)
        assert answer.status_code == 200
        assert 'class="success"' in answer.text
        event = await opened.next()
        assert (event.name, event.json) == ("@oauth2", {"state": opened.id, "code": "a/code+with=all"})
        again = await shared_api.guest.request(method, REDIRECT, **sent)
        assert again.status_code == 200
        assert 'class="failure"' in again.text
        assert await opened.silent(0.1)


async def test_a_refusal_of_the_provider_reaches_who_waits_and_the_page_says_that_it_failed(shared_api: Api):
    async with stream(shared_api.front) as opened:
        await waits(shared_api, opened)
        answer = await shared_api.guest.get(REDIRECT, params={"state": opened.id, "error": "access_denied"})
        assert 'class="failure"' in answer.text
        assert (await opened.next()).json == {"state": opened.id, "code": "", "error": "access_denied"}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"code": "x"}, id="no state"),
        pytest.param({"state": "0" * 40, "code": "x"}, id="nobody's state"),
        pytest.param({"state": "'\"<script>", "code": "x"}, id="no state of ours"),
        pytest.param({"state": "{id}"}, id="neither code nor error"),
        pytest.param({"state": "{id}", "code": "x" * 4097}, id="a code that is too long"),
    ],
)
async def test_what_nobody_waits_for_gets_the_page_of_failure(shared_api: Api, given: dict[str, str]):
    async with stream(shared_api.front) as opened:
        await waits(shared_api, opened)
        params = {name: text.replace("{id}", opened.id) for name, text in given.items()}
        answer = await shared_api.guest.get(REDIRECT, params=params)
        assert (answer.status_code, 'class="failure"' in answer.text) == (200, True)
        assert await opened.silent(0.1)


async def test_a_client_that_does_not_wait_for_a_login_gets_nothing(shared_api: Api):
    async with stream(shared_api.front) as opened:
        await waits(shared_api, opened, ("PB_CONNECT",))
        answer = await shared_api.guest.get(REDIRECT, params={"state": opened.id, "code": "x"})
        assert 'class="failure"' in answer.text
        assert await opened.silent(0.1)


async def test_the_page_runs_by_its_own_nonce_alone_and_is_kept_by_nobody(shared_api: Api):
    answer = await shared_api.guest.get(REDIRECT)
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1
    nonce = policy[0].split("script-src 'nonce-")[1].split("'")[0]
    assert f'<script nonce="{nonce}">' in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in policy[0]


async def test_a_form_with_a_file_is_refused(shared_api: Api):
    answer = await shared_api.guest.post(REDIRECT, files={"code": ("a.txt", b"x")})
    assert answer.status_code == 400
