"""One request as data: who asks for what, what the answer is, and which events it leaves."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import httpx
import msgspec

from holdfast.testing.client import Client
from holdfast.testing.project import Project

PARTS: Final = ("data", "message", "status", "code", "requestId")
"""The keys of a refusal, in their order."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A request and what follows from it.

    `who` is "guest", "superuser", or the name of a user as `as_user` knows it (`COLLECTION/NAME` of another collection
    than users). `answer` is a part of the answer: of an object the keys that are named, of a list all its items.
    `code` is that of the refusal. `events` are the types of those that are left, in order; None is not to look.
    """

    name: str
    method: str = "GET"
    path: str
    who: str = "guest"
    json: Any = None
    headers: Mapping[str, str] = {}
    status: int = 200
    answer: Any = None
    code: str = ""
    events: Sequence[str] | None = None

    async def run(self, project: Project) -> httpx.Response:
        """Make the request and look at what follows; the answer. Raises AssertionError for what is not as it should."""
        client = await self._client(project)
        if self.events is not None:
            await project.events()
        response = await client.request(self.method, self.path, json=self.json, headers=dict(self.headers))
        _same(self.status, response.status_code, f"{self.name}: the status; the answer is {response.text}")
        if self.code:
            refusal(response, self.status, self.code)
        if self.answer is not None:
            _contains(self.answer, response.json(), self.name)
        if self.events is not None:
            left = [event.type for event in await project.events()]
            _same(list(self.events), left, f"{self.name}: the events")
        return response

    async def _client(self, project: Project) -> Client:
        if self.who == "guest":
            return project.guest
        if self.who == "superuser":
            return project.root
        collection, _, name = self.who.rpartition("/")
        return await project.as_user(name, collection=collection or "users")


def refusal(answer: httpx.Response, status: int, code: str) -> Mapping[str, Any]:
    """The body of a refusal, after a look at its shape. Raises AssertionError."""
    _same(status, answer.status_code, f"the status; the answer is {answer.text}")
    body = answer.json()
    _same(list(PARTS), list(body), "the keys of the refusal")
    _same(status, body["status"], "the status in the refusal")
    _same(code, body["code"], f"the code of the refusal, {answer.text}")
    _same(answer.headers["x-request-id"], body["requestId"], "the id of the request")
    if not body["message"].endswith((".", ":")):
        raise AssertionError(f"the message is no sentence: {body['message']!r}")
    return body


def _contains(wanted: Any, found: Any, place: str) -> None:
    if isinstance(wanted, dict) and isinstance(found, dict):
        _contains_keys(cast("dict[str, Any]", wanted), cast("dict[str, Any]", found), place)
    elif isinstance(wanted, list) and isinstance(found, list):
        _contains_items(cast("list[Any]", wanted), cast("list[Any]", found), place)
    else:
        _same(wanted, found, place)


def _contains_keys(wanted: dict[str, Any], found: dict[str, Any], place: str) -> None:
    for key, content in wanted.items():
        if key not in found:
            raise AssertionError(f"{place}: there is no {key} in {found}")
        _contains(content, found[key], f"{place}.{key}")


def _contains_items(wanted: list[Any], found: list[Any], place: str) -> None:
    if len(wanted) != len(found):
        _same(wanted, found, place)
    for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
        _contains(one, other, f"{place}[{number}]")


def _same(wanted: Any, found: Any, what: str) -> None:
    if wanted != found:
        raise AssertionError(f"{what}: wanted {wanted!r}, found {found!r}")
