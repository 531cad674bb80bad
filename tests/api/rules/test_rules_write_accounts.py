"""What somebody may do to accounts: as a stranger, as themselves, as who manages them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from api.rules.conftest import ID, PASSWORD
from api.rules.tasks import CLOSED, Tasks, may, tasks
from holdfast.identity import GUEST

__all__ = ["tasks"]

pytestmark = pytest.mark.asyncio(loop_scope="package")

CREW = "/api/collections/crew/records"
KIM = f"{CREW}/{ID('kim')}"
NEW = {"password": "another word", "passwordConfirm": "another word"}
MISMATCH, OLD, NOT_ALLOWED = "validation_values_mismatch", "validation_invalid_old_password", "validation_not_allowed"


class Crew:
    """Accounts: Kim and Max are of the red team, Pat of the blue. Bosses manage who is of their team."""

    def __init__(self, tasks: Tasks) -> None:
        self.tasks = tasks

    async def send(
        self, name: str, method: str, path: str, body: Mapping[str, Any], *roles: str
    ) -> tuple[int, dict[str, Any]]:
        who = self.tasks.person(name, *roles, collection="crew") if name else GUEST
        return await self.tasks.send(who, method, path, body)

    async def ruled(self, **rules: Any) -> None:
        await self.tasks.society.ruled("crew", **(CLOSED | rules))
        await self.tasks.engine.live.reload()


@pytest_asyncio.fixture(loop_scope="package")
async def crew(tasks: Tasks) -> AsyncIterator[Crew]:
    society = tasks.society
    if tasks.engine.catalog.find("crew") is None:
        fields: list[dict[str, Any]] = [
            {"name": "name", "type": "text"},
            {"name": "team", "type": "relation", "collectionId": "teams", "maxSelect": 1},
            {"name": "boss", "type": "bool"},
        ]
        manage = "@request.auth.boss = true && team = @request.auth.team"
        await society.api.define("crew", fields, type="auth", **CLOSED, manageRule=manage)
        await tasks.engine.live.reload()
    await society.run("DELETE FROM crew")
    for name, team, boss in (("kim", "red", False), ("max", "red", True), ("pat", "blue", True)):
        await society.api.create(
            "crew", id=ID(name), name=name, team=ID(team), boss=boss, email=f"{name}@crew.example",
            password=PASSWORD, passwordConfirm=PASSWORD,
        )  # fmt: skip
    yield Crew(tasks)


@pytest.mark.parametrize(
    ("who", "body", "status", "problems"),
    [
        # Oneself
        ("kim", {"name": "K"}, 200, {}),
        ("kim", {"emailVisibility": True}, 200, {}),
        ("kim", {"email": "new@crew.example"}, 400, {"email": MISMATCH}),
        ("kim", {"email": "kim@crew.example", "verified": False}, 200, {}),
        ("kim", {"verified": True}, 400, {"verified": MISMATCH}),
        ("kim", {"tokenKey": "k" * 40}, 400, {"tokenKey": NOT_ALLOWED}),
        ("kim", {**NEW}, 400, {"oldPassword": OLD}),
        ("kim", {**NEW, "oldPassword": "wrong"}, 400, {"oldPassword": OLD}),
        ("kim", {**NEW, "oldPassword": PASSWORD}, 200, {}),
        ("kim", {"id": ID("other")}, 400, {"id": "validation_pk_change"}),
        # A boss of the team
        ("max", {"email": "new@crew.example", "verified": True, **NEW}, 200, {}),
        ("max", {**NEW, "oldPassword": "wrong"}, 200, {}),
        ("max", {"password": "another word"}, 400, {"passwordConfirm": "validation_required"}),
        ("max", {"tokenKey": "k" * 40}, 400, {"tokenKey": NOT_ALLOWED}),
        ("max", {"email": "pat@crew.example"}, 400, {"email": "validation_not_unique"}),
        # A boss of another team
        ("pat", {"name": "K"}, 200, {}),
        ("pat", {"email": "new@crew.example", "verified": True}, 400, {"email": MISMATCH, "verified": MISMATCH}),
        ("pat", {**NEW}, 400, {"oldPassword": OLD}),
        ("pat", {"team": ID("blue"), "verified": True}, 400, {"verified": MISMATCH}),
        # Nobody
        ("", {"name": "K"}, 200, {}),
        ("", {"verified": True}, 400, {"verified": MISMATCH}),
    ],
)
async def test_guarded_fields_are_changed_by_who_manages_the_account(
    crew: Crew, who: str, body: Mapping[str, Any], status: int, problems: Mapping[str, str]
):
    await crew.ruled(updateRule="")
    before = await crew.tasks.row("kim", "crew")
    found, answer = await crew.send(who, "PATCH", KIM, body)
    assert found == status, answer
    assert {field: problem["code"] for field, problem in answer.get("data", {}).items()} == problems
    after = await crew.tasks.row("kim", "crew")
    if status == 200:
        assert after["email"] == body.get("email", before["email"])
        assert after["verified"] == body.get("verified", before["verified"])
    else:
        assert after == before


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        (None, {"verified": True}),
        ("id = @request.auth.id", {"verified": True}),
        ("id = @request.auth.id", {"email": "new@crew.example"}),
        ("id = @request.auth.id", NEW),
        ("id = @request.auth.id", {**NEW, "oldPassword": PASSWORD}),
        ("@request.body.name = 'x'", {**NEW, "name": "y", "oldPassword": "wrong"}),
        ("@request.body.name = 'x'", {"email": "no email", "name": "y"}),
    ],
)
async def test_manage_access_is_nothing_without_the_update_rule(crew: Crew, rule: str | None, body: dict[str, Any]):
    await crew.ruled(updateRule=rule)
    before = await crew.tasks.row("kim", "crew")
    status, answer = await crew.send("max", "PATCH", KIM, body)
    assert status == (403 if rule is None else 404), answer
    assert await crew.tasks.row("kim", "crew") == before


@pytest.mark.parametrize(
    ("who", "more", "status", "problems"),
    [
        ("", {}, 200, {}),
        ("", {"verified": False}, 200, {}),
        ("", {"verified": True}, 400, {"verified": MISMATCH}),
        ("", {"tokenKey": "k" * 40}, 400, {"tokenKey": NOT_ALLOWED}),
        ("max", {"verified": True}, 200, {}),
        ("max", {"verified": True, "team": ID("blue")}, 400, {"verified": MISMATCH}),
        ("kim", {"verified": True}, 400, {"verified": MISMATCH}),
        ("max", {"verified": True, "name": "refused"}, 400, {}),
        ("kim", {"verified": True, "name": "refused"}, 400, {}),
    ],
)
async def test_a_new_account_is_verified_by_who_would_manage_it(
    crew: Crew, who: str, more: dict[str, Any], status: int, problems: Mapping[str, str]
):
    await crew.ruled(createRule="name != 'refused'")
    body = {"email": "new@crew.example", "team": ID("red"), **NEW, **more}
    found, answer = await crew.send(who, "POST", CREW, body)
    assert found == status, answer
    assert {field: problem["code"] for field, problem in answer.get("data", {}).items()} == problems
    if status == 400 and not problems:
        assert answer["code"] == "rule_failed"
    if status == 200:
        assert (await crew.tasks.row(answer["id"].lstrip("0"), "crew") or answer)["verified"] == more.get(
            "verified", False
        )


@pytest.mark.parametrize(
    ("who", "visible", "shown"),
    [("kim", False, True), ("max", False, True), ("pat", False, False), ("pat", True, True), ("", False, False)],
)
async def test_the_answer_shows_the_email_to_whom_a_view_would(crew: Crew, who: str, visible: bool, shown: bool):
    await crew.ruled(updateRule="")
    status, answer = await crew.send(who, "PATCH", KIM, {"emailVisibility": visible})
    assert status == 200, answer
    assert ("email" in answer) == shown
    assert not {"password", "tokenKey"} & answer.keys()


@pytest.mark.parametrize(
    ("write", "body", "problems"),
    [
        ("name", {"name": "K"}, {}),
        ("name", {**NEW, "oldPassword": PASSWORD}, {"password": NOT_ALLOWED}),
        ("*", {**NEW, "oldPassword": PASSWORD}, {}),
        ("*", {"verified": True}, {"verified": MISMATCH}),
        ("verified email", {"verified": True}, {"verified": MISMATCH}),
        ("tokenKey", {"tokenKey": "k" * 40}, {"tokenKey": NOT_ALLOWED}),
    ],
)
async def test_a_role_makes_nobody_manage_accounts(
    crew: Crew, write: str, body: dict[str, Any], problems: Mapping[str, str]
):
    await crew.ruled()
    await crew.tasks.role("clerk", may("update", write=write, collection="crew"))
    status, answer = await crew.send("kim", "PATCH", KIM, body, "clerk")
    assert {field: problem["code"] for field, problem in answer.get("data", {}).items()} == problems
    assert status == (400 if problems else 200)
