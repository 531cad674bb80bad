"""What cannot come as it was is mended or left out, and told; the rest comes all the same."""

import base64
import json
import os
import random
import string
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.pocketbase.failed import CannotMove
from pocketbase_directory import HASH, OPEN, SETTINGS, PocketBase, field, secret
from pocketbase_moving import counts, notes, running_here

KEY = "k" * 32
LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=5000))  # nothing makes it shorter


def encrypted(settings: Any) -> str:
    """Settings as PocketBase encrypts them."""
    nonce = os.urandom(12)
    return base64.b64encode(nonce + AESGCM(KEY.encode()).encrypt(nonce, json.dumps(settings).encode(), None)).decode()


def odd(folder: Path) -> None:
    """A directory in which nearly everything is odd."""
    with PocketBase(folder) as made:
        mail = {"name": "google", "clientId": "id", "clientSecret": "secret"}
        strange = {"name": "myspace", "clientId": "id", "clientSecret": "secret"}
        made.collection(
            "people",
            [field("select", "roles", values=["admin", "editor"], maxSelect=2), field("text", "nick")],
            type="auth",
            listRule="@request.auth.roles ?= 'admin'",
            viewRule="@request.auth.nothing = 1",
            options={
                "oauth2": {"providers": [mail, strange], "mappedFields": {"name": "gone"}, "enabled": True},
                "mfa": {"enabled": True, "duration": 5, "rule": ""},
            },
        )
        made.collection(
            "odd",
            [
                field("text", "1st"),
                field("color", "shade"),
                field("number", "whole", onlyInt=True),
                field("text", "title"),
                field("date", "day"),
                field("json", "data"),
                field("relation", "person", collectionId=made.ids["people"], maxSelect=1, required=True),
                field("relation", "friends", collectionId=made.ids["people"], maxSelect=9),
                field("file", "papers", maxSelect=9),
            ],
            **OPEN,
            createRule="((broken",
            updateRule="`1st` = 1",
            indexes=[
                "CREATE UNIQUE INDEX `idx-odd` ON `odd` (`title` COLLATE NOCASE)",
                "CREATE INDEX `idx_long` ON `odd` (`1st`)",
                "CREATE INDEX `idx-long` ON `odd` (`1st`)",
                "CREATE INDEX `idx_longer` ON `odd` (`day`)",
                "CREATE INDEX `idx_expression` ON `odd` (json_extract(data, '$.a'))",
            ],
            sql_indexes=[],
        )
        views = {
            "good_view": "SELECT o.id, count(f.value) AS friends FROM odd o, json_each(o.friends) f GROUP BY o.id",
            "bad_view": "SELECT id, printf('%d', whole) AS shown FROM odd",
            "on_bad_view": "SELECT id, shown FROM bad_view",
        }
        for name, query in views.items():
            shown = [field("text", "id", primaryKey=True), field("text", "friends" if "good" in name else "shown")]
            made.collection(name, shown, type="view", viewQuery=query, **OPEN)
        made.person("people", "p" * 15, "a@example.com", roles=["admin"], nick="")
        made.insert(
            "odd",
            [
                _row(
                    "a", title="One", whole=2.5, day="soon", data="{oops", shade="red", papers=["gone_1.txt", "a_2.txt"]
                ),
                _row("b", title="ONE", person="p" * 15),
                _row("c", title="Three", **{"1st": LONG}),
                _row("d", title=b"a\xffb".decode("latin-1"), friends=["p" * 15, "nobody"]),
                _row("e/f", title="bad id"),
            ],
        )
        made.db.execute("UPDATE odd SET title = CAST(x'61ff62' AS TEXT) WHERE id = ?", ["d" * 15])
        made.file("odd", "a" * 15, "a_2.txt", b"two")
        made.file("odd", "a" * 15, "nobody_names_it.txt", b"three")
        changed = {**SETTINGS, "meta": {**SETTINGS["meta"], "senderAddress": "nobody"}, "superuserIPs": ["10.0.0.1"]}
        made.settings(encrypted(changed))


def _row(letter: str, **more: Any) -> dict[str, Any]:
    return {"id": letter * 15 if len(letter) == 1 else letter, "person": "nobody", **more}


async def test_the_rest_comes_and_all_of_it_is_told(database: str, tmp_path: Path) -> None:
    odd(tmp_path / "pb")
    async with running_here(database, tmp_path) as here:
        with pytest.raises(CannotMove, match="do not open"):
            await here.move(tmp_path / "pb", key="w" * 32)
        report = await here.move(tmp_path / "pb", key=KEY)
        told, root = notes(report), here.api.root
        assert counts(report, "odd") == {"read": 5, "inserted": 3, "refused": 2}

        people = (await root.get("/api/collections/people")).json()
        assert (people["listRule"], people["viewRule"]) == ("@request.auth.roles_field ?= 'admin'", None)
        assert [one["name"] for one in people["oauth2"]["providers"]] == ["google"]
        assert (people["mfa"]["enabled"], people["mfa"]["duration"]) == (True, 1800)
        assert "It was: @request.auth.nothing = 1" in told["people.viewRule"]
        person = (await root.get(f"/api/collections/people/records/{'p' * 15}")).json()
        assert (person["roles_field"], person["roles"]) == (["admin"], [])

        found = (await root.get("/api/collections/odd")).json()
        names = [f"`idx_{found['id']}_0`", "`idx_longer`"]
        assert [one["name"] for one in found["fields"]][1:3] == ["f_1st", "whole"]
        assert (found["createRule"], found["updateRule"]) == (None, None)
        assert [index.partition(" ON ")[0].split()[-1] for index in found["indexes"]] == names
        first = (await root.get(f"/api/collections/odd/records/{'a' * 15}")).json()
        shown = {key: first[key] for key in ("whole", "day", "data", "person", "papers")}
        assert shown == {"whole": 2.5, "day": "", "data": "{oops", "person": "", "papers": ["a_2.txt"]}
        third = (await root.get(f"/api/collections/odd/records/{'c' * 15}")).json()
        assert (third["f_1st"], third["title"]) == (LONG, "Three")
        fourth = (await root.get(f"/api/collections/odd/records/{'d' * 15}")).json()
        assert (fourth["title"], fourth["friends"]) == ("a\ufffdb", ["p" * 15])
        files = report.files
        assert (files.held, files.copied, files.missing, files.unheld) == (2, 1, 1, 1)

        assert {view.name: view.state for view in report.views} == {
            "good_view": "translated",
            "bad_view": "kept",
            "on_bad_view": "as it was",
        }
        bad = (await root.get("/api/collections/bad_view")).json()
        assert "printf('%d', whole)" in bad["viewQuery"]
        assert (await root.get("/api/collections/on_bad_view/records")).json()["items"] == []
        (friend,) = (await root.get("/api/collections/good_view/records")).json()["items"]
        assert friend["friends"] == 1

        assert (await root.get("/api/settings")).json()["meta"]["senderName"] == "Mover"
        assert {"settings.meta.senderAddress", "settings.superuserIPs", "odd.shade", "odd.whole"} <= told.keys()
        again = await here.move(tmp_path / "pb", key=KEY)
        assert counts(again, "odd") == {"read": 5, "unchanged": 3, "refused": 2}


async def test_what_stands_against_a_move_keeps_all_of_it_away(database: str, tmp_path: Path) -> None:
    with PocketBase(tmp_path / "pb") as made:
        made.collection("posts", [field("text", "title"), field("file", "paper", maxSelect=1)], **OPEN)
        made.insert("posts", [{"id": "a" * 15, "title": "one", "paper": "a_1.txt"}])
        made.file("posts", "a" * 15, "a_1.txt", b"one")
        made.person("_superusers", "s" * 15, "root@example.com")
        made.settings(encrypted(SETTINGS))
    async with running_here(database, tmp_path) as here:
        root = here.api.root
        await root.post("/api/collections", json={"name": "Posts", "type": "base", "fields": []})
        with pytest.raises(CannotMove, match="Posts"):
            await here.move(tmp_path / "pb")
        assert not list(here.storage.rglob("*.txt"))
        await root.patch("/api/collections/Posts", json={"name": "mine"})
        report = await here.move(tmp_path / "pb")
        told = notes(report)
        assert report.settings == "not brought"
        assert "--encryption-env" in told["settings"]
        assert counts(report, "_superusers") == {"read": 1, "refused": 1}
        assert "unique" in told["_superusers"]
        assert await here.api.login()
        assert [path.read_bytes() for path in here.storage.rglob("*.txt")] == [b"one"]


async def test_the_users_that_nobody_has_used_give_way_to_others_of_that_name(database: str, tmp_path: Path) -> None:
    with PocketBase(tmp_path / "pb") as made:
        made.collection("users", [field("text", "name")], type="auth", **OPEN)
        made.insert("users", [{"id": "u" * 15, "email": "u@example.com", "password": HASH, "tokenKey": secret("u")}])
    async with running_here(database, tmp_path) as here:
        report = await here.move(tmp_path / "pb")
        assert counts(report, "users") == {"read": 1, "inserted": 1}
        users = (await here.api.root.get("/api/collections/users")).json()
        assert users["id"] == made.ids["users"]
        assert (await here.api.root.get("/api/collections/users/records")).json()["totalItems"] == 1
