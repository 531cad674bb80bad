"""`/api/migrations`: what was applied, what waits, and whose file is not what it was."""

from datetime import UTC, datetime

import pytest

from client import Api, in_one_loop, refused
from holdfast import paths
from holdfast.db.migrate import checksum
from holdfast.db.sql import Statement, raw
from holdfast.upgrades.listing import Applied, Shipped, listed, read_shipped

pytestmark = in_one_loop
PATH = "/api/migrations"
NEWEST = max(path.stem.removeprefix("m") for path in paths.migrations().glob("m[0-9]*.py"))


async def test_a_new_database_has_all_migrations_with_their_checksums(shared_api: Api) -> None:
    items = (await shared_api.root.get(PATH)).json()["items"]
    assert [one["name"] for one in items] == sorted(read_shipped(paths.migrations()), reverse=True)
    assert {one["state"] for one in items} == {"applied"}
    assert all(one["checksum"] == one["file"] and len(one["file"]) == 64 for one in items)
    assert all(one["applied"].endswith("Z") and one["description"] for one in items)


async def test_a_migration_has_its_source(shared_api: Api) -> None:
    found = (await shared_api.root.get(f"{PATH}/{NEWEST}")).json()
    assert found["source"] == (paths.migrations() / f"m{NEWEST}.py").read_text("utf-8")
    assert found["checksum"] == checksum(paths.migrations() / f"m{NEWEST}.py")


async def test_a_file_that_is_not_what_was_applied_has_drifted(shared_api: Api) -> None:
    turned = Statement.of(raw("UPDATE holdfast.migration SET checksum = reverse(checksum)"))
    await shared_api.pool.execute(turned)
    try:
        assert {one["state"] for one in (await shared_api.root.get(PATH)).json()["items"]} == {"drifted"}
    finally:
        await shared_api.pool.execute(turned)
    assert {one["state"] for one in (await shared_api.root.get(PATH)).json()["items"]} == {"applied"}


@pytest.mark.parametrize("name", ["0000_nothing", "..%2f..%2fetc", "%00", "x" * 300])
async def test_a_migration_that_is_not_there_is_not_found(shared_api: Api, name: str) -> None:
    refused(await shared_api.root.get(f"{PATH}/{name}"), 404, "not_found")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/{NEWEST}"])
async def test_nobody_but_superusers_sees_the_migrations(shared_api: Api, path: str) -> None:
    refused(await shared_api.guest.get(path), 401, "unauthenticated")


async def test_what_waits_and_what_another_version_has_applied_are_told_apart() -> None:
    at = datetime(2027, 1, 31, tzinfo=UTC)
    shipped = {"0001_a": Shipped("A", "1", ""), "0002_b": Shipped("B", "2", "")}
    found = listed(shipped, {"0001_a": Applied(at, "1"), "0003_c": Applied(at, "3")})
    assert [(one["name"], one["state"]) for one in found] == [
        ("0003_c", "unknown"),
        ("0002_b", "pending"),
        ("0001_a", "applied"),
    ]
