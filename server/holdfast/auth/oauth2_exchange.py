"""What a code is worth at an OAuth2 provider: tokens, and who the person is."""

import base64
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from holdfast.auth.oauth2_asking import ask, keys_of, provider_failed, read_answer, read_any
from holdfast.auth.oauth2_client import Client
from holdfast.auth.oauth2_id_token import Expected, IdTokenRefused, UnknownKey, read_id_token
from holdfast.auth.oauth2_profile import Profile, read_profile
from holdfast.auth.oauth2_start import nonce_of
from holdfast.engine import Engine
from holdfast.outbound.client import Received

MAX_LIFE_SECONDS: Final = 10 * 366 * 86_400
_ERROR: Final = re.compile(r"[a-z_]{1,60}")  # RFC 6749, 5.2: a word, and nothing that somebody else wrote


class Code(msgspec.Struct, frozen=True):
    """What somebody came back from the provider with, and what their app kept."""

    code: str
    verifier: str
    redirect_url: str


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a code was exchanged for. `expiry` is as the API writes dates, empty when the provider says none."""

    access_token: str
    refresh_token: str = ""
    expiry: str = ""
    id_token: str = ""
    answer: Mapping[str, Any] = {}


async def exchange(engine: Engine, client: Client, code: Code) -> Tokens:
    """Exchange a code. Raises BadRequest when the provider does not take it, or does not answer."""
    received = await _post_code(engine, client, code, basic=client.basic)
    if _error_of(received) == "invalid_client":
        # The one way to send the secret is as good as the other, and nobody says which: the code is not used yet.
        received = await _post_code(engine, client, code, basic=not client.basic)
    answer = read_answer(received)
    access_token = answer.get("access_token")
    if received.status >= 400 or not isinstance(access_token, str) or not access_token:
        error = _error_of(received)
        why = f" ({error})" if error else ""
        raise provider_failed(client, f"it did not take the code{why}.", status=received.status)
    return Tokens(
        access_token=access_token,
        refresh_token=_text(answer, "refresh_token"),
        expiry=_expiry(answer.get("expires_in"), datetime.now(UTC)),
        id_token=_text(answer, "id_token"),
        answer=answer,
    )


async def _post_code(engine: Engine, client: Client, code: Code, *, basic: bool) -> Received:
    form = {"grant_type": "authorization_code", "code": code.code, "redirect_uri": code.redirect_url}
    if client.pkce:
        form["code_verifier"] = code.verifier
    headers: dict[str, str] = {}
    if basic:
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"  # RFC 6749, 2.3.1
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    else:
        form |= {"client_id": client.id, "client_secret": client.secret}
    return await ask(engine, client, "POST", client.token_url, headers=headers, form=form)


def _error_of(received: Received) -> str:
    error = read_answer(received).get("error")
    return error if isinstance(error, str) and _ERROR.fullmatch(error) else ""


def _text(answer: Mapping[str, Any], key: str) -> str:
    found = answer.get(key)
    return found if isinstance(found, str) else ""


def _expiry(seconds: object, now: datetime) -> str:
    if isinstance(seconds, str) and seconds.isdecimal() and len(seconds) < 12:
        seconds = int(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < MAX_LIFE_SECONDS:
        return ""
    return (now + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"


async def person(engine: Engine, client: Client, tokens: Tokens, verifier: str) -> Profile:
    """Who it is. Raises BadRequest when the provider does not say, or what it says does not hold."""
    claims = await _proven(engine, client, tokens, verifier) if client.proves_tokens else None
    answer = await _user_info(engine, client, tokens) if client.user_info_url else claims or {}
    if claims is not None and answer.get("sub") != claims.get("sub"):
        raise provider_failed(client, "its ID token is somebody else's.")
    if client.provider.merge is not None:
        answer = client.provider.merge(answer, tokens.answer)
    email = await _email(engine, client, tokens)
    found = read_profile(client.provider.reading, answer, email)
    if found is None:
        raise provider_failed(client, "it does not say who this is, or the account is not active there.")
    return found if client.believes_emails else msgspec.structs.replace(found, email="")


async def _proven(engine: Engine, client: Client, tokens: Tokens, verifier: str) -> Mapping[str, Any]:
    expected = Expected(issuers=client.issuers, audience=client.id, nonce=nonce_of(verifier), now=time.time())
    try:
        try:
            return read_id_token(tokens.id_token, await keys_of(engine, client), expected)
        except UnknownKey:
            return read_id_token(tokens.id_token, await keys_of(engine, client, fresh=True), expected)
    except IdTokenRefused as failure:
        raise provider_failed(client, f"its ID token is not good: {failure}.") from failure


async def _user_info(engine: Engine, client: Client, tokens: Tokens) -> Mapping[str, Any]:
    provider = client.provider
    headers = {name: text.replace("{client_id}", client.id) for name, text in provider.headers.items()}
    headers["authorization"] = f"Bearer {tokens.access_token}"
    method = "GET"
    if provider.query:
        method, headers["content-type"] = "POST", "application/json"
    received = await ask(engine, client, method, client.user_info_url, headers=headers, body=provider.query)
    answer = read_answer(received)
    if received.status != 200 or not answer:
        raise provider_failed(client, "it does not say who this is.", status=received.status)
    return answer


async def _email(engine: Engine, client: Client, tokens: Tokens) -> str | None:
    """The address of a provider that has to be asked for it apart; None where it is in the answer anyway.

    Somebody may keep theirs to themselves: then there is none.
    """
    emails = client.provider.emails
    if emails is None:
        return None
    headers = {"authorization": f"Bearer {tokens.access_token}"}
    received = await ask(engine, client, "GET", emails.url(client.user_info_url), headers=headers)
    return emails.pick(read_any(received)) if received.status == 200 else ""
