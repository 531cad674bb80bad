"""A whole directory is moved in, everything in it is compared, and people stay logged in."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from client import in_one_loop
from holdfast.pocketbase.report import Report
from pocketbase_compare import compare
from pocketbase_directory import PASSWORD, make_whole, secret
from pocketbase_moving import Here, counts, notes, running_here
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = in_one_loop
PEOPLE = "_pb_users_auth_"


class Moved(msgspec.Struct):
    """A move that is done."""

    here: Here
    tried: Report
    report: Report
    compared: tuple[int, int]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def moved(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Moved]:
    """A directory of 200 records, tried and then moved; the tests leave it as it is."""
    dsn = await make_database(cluster, PROJECT)
    folder = tmp_path_factory.mktemp("moved")
    source = folder / "pb_data"
    make_whole(source, 200)
    async with running_here(dsn, folder) as here:
        tried = await here.move(source, dry_run=True)
        assert (await here.api.root.get("/api/collections/posts")).status_code == 404
        assert not list(here.storage.rglob("*.txt"))
        report = await here.move(source)
        # Before any test changes something, as the link in a mail does.
        yield Moved(here, tried, report, await compare(here.api.root, source, here.storage))
    await drop_database(cluster, dsn)


def pocketbase_token(collection: str, name: str, record: str, sort: str = "authToken", **claims: Any) -> str:
    """A token as PocketBase signs it: HS256, with the record's token key and the collection's secret."""
    said = {"collectionId": collection, "exp": int(time.time()) + 600, "id": record, **claims}
    parts = [{"alg": "HS256", "typ": "JWT"}, dict(sorted(said.items()))]
    text = b".".join(base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in parts)
    key = (secret(record) + secret(name + sort)).encode()
    return f"{text.decode()}.{base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).rstrip(b'=').decode()}"


async def test_every_record_and_file_is_there_as_it_was(moved: Moved) -> None:
    assert moved.compared == (203, 3)
    assert counts(moved.report, "posts") == {"read": 120, "inserted": 120}
    assert counts(moved.report, "users") == {"read": 40, "inserted": 40}
    files = moved.report.files
    assert (files.held, files.copied, files.missing, files.unheld) == (3, 3, 0, 0)


async def test_a_trial_says_what_a_move_does(moved: Moved) -> None:
    assert msgspec.structs.replace(moved.tried, dry_run=False) == moved.report


async def test_only_what_is_good_for_minutes_is_left_out(moved: Moved) -> None:
    assert notes(moved.report) == {"_mfas": "are left out: they are good for minutes"}


async def test_a_token_that_pocketbase_has_issued_is_good_here(moved: Moved) -> None:
    claims = {"refreshable": True, "type": "auth"}
    token = pocketbase_token(PEOPLE, "users", "user00000000003", **claims)
    client = moved.here.api.client(token)
    answer = await client.post("/api/collections/users/auth-refresh")
    assert answer.status_code == 200, answer.text
    assert answer.json()["record"]["email"] == "person3@example.com"
    await client.aclose()


async def test_a_superusers_token_is_good_here_too(moved: Moved) -> None:
    claims = {"refreshable": True, "type": "auth"}
    client = moved.here.api.client(pocketbase_token("pbc_3142635823", "_superusers", "superuser000001", **claims))
    assert (await client.get("/api/collections")).status_code == 200
    await client.aclose()


async def test_a_link_in_a_mail_from_before_the_move_still_works(moved: Moved) -> None:
    claims = {"email": "person2@example.com", "type": "verification"}
    token = pocketbase_token(PEOPLE, "users", "user00000000002", "verificationToken", **claims)
    answer = await moved.here.api.guest.post("/api/collections/users/confirm-verification", json={"token": token})
    assert answer.status_code == 204, answer.text


async def test_a_token_with_another_secret_is_not(moved: Moved) -> None:
    claims = {"refreshable": True, "type": "auth"}
    client = moved.here.api.client(pocketbase_token(PEOPLE, "others", "user00000000003", **claims))
    assert (await client.post("/api/collections/users/auth-refresh")).status_code == 401
    await client.aclose()


async def test_people_log_in_with_their_passwords(moved: Moved) -> None:
    assert await moved.here.api.login("person5@example.com", PASSWORD, "users")
    assert await moved.here.api.login("chief@example.com", PASSWORD)


async def test_protected_files_are_protected_and_others_are_served(moved: Moved) -> None:
    guest = moved.here.api.guest
    face = await guest.get(f"/api/files/{PEOPLE}/user00000000000/face_000000.txt")
    assert (face.status_code, face.content) == (200, b"the face of 0")
    paper = "/api/files/posts/post00000000000/paper_000000.txt"
    claims = {"type": "file"}
    token = pocketbase_token(PEOPLE, "users", "user00000000000", "fileToken", **claims)
    assert (await guest.get(paper, params={"token": token})).status_code == 200


async def test_collections_keep_ids_fields_indexes_rules_and_dates(moved: Moved) -> None:
    posts = (await moved.here.api.root.get("/api/collections/posts")).json()
    assert posts["id"] == "pbc_1125843985"
    assert [one["id"] for one in posts["fields"]][:3] == ["text3208210256", "text724990059", "editor3685223346"]
    assert posts["updateRule"] == "author = @request.auth.id"
    assert (posts["created"], posts["updated"]) == ("2026-03-01 10:00:00.123Z", "2026-03-02 11:30:00.456Z")
    assert posts["indexes"] == [
        "CREATE INDEX `idx_posts_state` ON `posts` (`state`, `created` DESC)",
        "CREATE UNIQUE INDEX `idx_posts_title` ON `posts` (`title` COLLATE NOCASE) WHERE `title` != ''",
    ]


async def test_a_view_shows_what_it_showed(moved: Moved) -> None:
    assert [(view.name, view.state) for view in moved.report.views] == [("public_posts", "translated")]
    answer = await moved.here.api.guest.get("/api/collections/public_posts/records", params={"sort": "id"})
    page = answer.json()
    assert page["totalItems"] == 60
    first = {key: page["items"][0][key] for key in ("id", "title", "tags_count")}
    assert first == {"id": "post00000000001", "title": "Post 1", "tags_count": 1}


async def test_the_settings_are_pocketbases(moved: Moved) -> None:
    assert moved.report.settings == "brought"
    settings = (await moved.here.api.root.get("/api/settings")).json()
    assert settings["meta"]["appName"] == "The moved"
    assert settings["batch"]["maxRequests"] == 33
    assert settings["rateLimits"]["rules"] == [
        {"label": "*:auth", "audience": "", "duration": 3, "maxRequests": 7},
    ]


async def test_a_move_is_in_the_audit_log_and_its_records_are_events(moved: Moved) -> None:
    answer = await moved.here.api.root.get("/api/audit", params={"action": "pocketbase.moved"})
    (entry,) = answer.json()["items"]
    assert (entry["actor"]["kind"], entry["details"]["records"]["posts"]) == ("cli", [120, 0, 0])
