"""Makes PocketBase data directories, in the tables of version 0.39, with the standard library's sqlite3."""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import bcrypt

PASSWORD = "1234567890"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
STAMP = "2026-03-01 10:00:00.123Z"
LATER = "2026-03-02 11:30:00.456Z"
COLUMNS = {
    "bool": "BOOLEAN DEFAULT FALSE NOT NULL",
    "number": "NUMERIC DEFAULT 0 NOT NULL",
    "json": "JSON DEFAULT NULL",
    "geoPoint": """JSON DEFAULT '{"lon":0,"lat":0}' NOT NULL""",
}
TEXT = "TEXT DEFAULT '' NOT NULL"
MANY = "JSON DEFAULT '[]' NOT NULL"
KEY = "TEXT PRIMARY KEY DEFAULT ('r'||lower(hex(randomblob(7)))) NOT NULL"
RULES = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")
TOKENS = ("authToken", "passwordResetToken", "emailChangeToken", "verificationToken", "fileToken")
SETTINGS = {
    "smtp": {"enabled": False, "port": 587, "host": "smtp.example.com", "username": "", "authMethod": "", "tls": False},
    "backups": {"cron": "", "cronMaxKeep": 3, "s3": {"enabled": False}},
    "s3": {"enabled": False, "bucket": "", "region": "", "endpoint": "", "accessKey": "", "forcePathStyle": False},
    "meta": {
        "appName": "The moved",
        "appURL": "https://moved.example.com",
        "senderName": "Mover",
        "senderAddress": "mover@example.com",
        "hideControls": False,
    },
    "rateLimits": {"rules": [{"label": "*:auth", "audience": "", "duration": 3, "maxRequests": 7}], "enabled": True},
    "trustedProxy": {"headers": [], "useLeftmostIP": False},
    "batch": {"enabled": True, "maxRequests": 33, "timeout": 5, "maxBodySize": 0},
    "logs": {"maxDays": 5, "minLevel": 0, "logIP": True, "logAuthId": False},
}


def field(type: str, name: str, **more: Any) -> dict[str, Any]:
    """A field as PocketBase keeps it."""
    id = f"{type}{zlib.crc32(name.encode())}"
    return {"id": id, "name": name, "type": type, "system": False, "hidden": False, "presentable": False} | more


def id_field() -> dict[str, Any]:
    """The field of ids."""
    more = {"min": 15, "max": 15, "pattern": "^[a-z0-9]+$", "autogeneratePattern": "[a-z0-9]{15}"}
    return field("text", "id", system=True, required=True, primaryKey=True, **more)


def auth_fields() -> list[dict[str, Any]]:
    """What every auth collection has."""
    return [
        field("password", "password", system=True, hidden=True, required=True, min=8, max=0, pattern="", cost=0),
        field("text", "tokenKey", system=True, hidden=True, required=True, min=30, max=60, pattern="", primaryKey=False)
        | {"autogeneratePattern": "[a-zA-Z0-9_]{50}"},
        field("email", "email", system=True, required=True, exceptDomains=None, onlyDomains=None),
        field("bool", "emailVisibility", system=True),
        field("bool", "verified", system=True),
    ]


def dates(*, system: bool = False) -> list[dict[str, Any]]:
    """The dates of records."""
    return [
        field("autodate", "created", system=system, onCreate=True, onUpdate=False),
        field("autodate", "updated", system=system, onCreate=True, onUpdate=True),
    ]


def secret(of: str) -> str:
    """50 characters that are others for other names."""
    return (of * 50)[:40] + f"{zlib.crc32(of.encode()):010d}"


def auth_options(name: str, **more: Any) -> dict[str, Any]:
    """The options of an auth collection."""
    mail = {"subject": "About {APP_NAME}", "body": "<p>Hello {RECORD:name}, {TOKEN}</p>"}
    return {
        "authRule": "",
        "manageRule": None,
        "authAlert": {"enabled": True, "emailTemplate": mail},
        "oauth2": {"providers": [], "mappedFields": dict.fromkeys(("id", "name", "username", "avatarURL"), "")}
        | {"enabled": False},
        "passwordAuth": {"enabled": True, "identityFields": ["email"]},
        "mfa": {"enabled": False, "duration": 1800, "rule": ""},
        "otp": {"enabled": False, "duration": 180, "length": 8, "emailTemplate": mail},
        **{token: {"secret": secret(name + token), "duration": 604800} for token in TOKENS},
        **dict.fromkeys(("verificationTemplate", "resetPasswordTemplate", "confirmEmailChangeTemplate"), mail),
    } | more


def is_many(one: Mapping[str, Any]) -> bool:
    """Whether a field holds a list."""
    return one["type"] in ("select", "file", "relation") and one.get("maxSelect", 1) > 1


def column(one: Mapping[str, Any]) -> str:
    """The type of a field's column."""
    if one.get("primaryKey"):
        return KEY
    return MANY if is_many(one) else COLUMNS.get(one["type"], TEXT)


def collection_id(type: str, name: str) -> str:
    """The id that PocketBase gives a collection."""
    return f"pbc_{zlib.crc32((type + name).encode())}"


class PocketBase:
    """A directory that is being made, or changed later."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        is_new = not (folder / "data.db").exists()
        self.db = sqlite3.connect(folder / "data.db", isolation_level=None)
        if is_new:
            self._make()
        self.ids = dict(self.db.execute("SELECT name, id FROM _collections").fetchall())

    def __enter__(self) -> Self:
        self.db.execute("BEGIN")
        return self

    def __exit__(self, *_: object) -> None:
        self.db.execute("COMMIT")
        self.db.close()

    def _make(self) -> None:
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("CREATE TABLE _migrations (file VARCHAR(255) PRIMARY KEY NOT NULL, applied INTEGER NOT NULL)")
        rules = ", ".join(f"{rule} TEXT DEFAULT NULL" for rule in RULES)
        self.db.execute(
            "CREATE TABLE _collections (id TEXT PRIMARY KEY, system BOOLEAN DEFAULT FALSE NOT NULL,"
            ' type TEXT DEFAULT "base" NOT NULL, name TEXT UNIQUE NOT NULL, fields JSON DEFAULT "[]" NOT NULL,'
            f' indexes JSON DEFAULT "[]" NOT NULL, {rules}, options JSON DEFAULT "{{}}" NOT NULL,'
            ' created TEXT DEFAULT "" NOT NULL, updated TEXT DEFAULT "" NOT NULL)'
        )
        self.db.execute("CREATE TABLE _params (id TEXT PRIMARY KEY, value JSON, created TEXT, updated TEXT)")
        own = ("collectionRef", "recordRef")
        mine = "@request.auth.id != '' && recordRef = @request.auth.id"
        for name, names in (
            ("_mfas", ("method",)),
            ("_otps", ("password", "sentTo")),
            ("_externalAuths", ("provider", "providerId")),
            ("_authOrigins", ("fingerprint",)),
        ):
            fields = [field("text", one, system=True, required=True) for one in (*own, *names)]
            self.collection(name, fields, system=True, listRule=mine, viewRule=mine)
        self.collection("_superusers", [], type="auth", system=True)
        self.settings(SETTINGS)

    def collection(
        self, name: str, fields: Sequence[Mapping[str, Any]] = (), *, type: str = "base", id: str = "", **more: Any
    ) -> str:
        """A collection with its table; `more` are rules, `indexes`, `options`, `system`, `viewQuery`."""
        id = id or collection_id(type, name)
        system = bool(more.get("system"))
        before = [] if type == "view" else [id_field(), *(auth_fields() if type == "auth" else [])]
        after = [] if type == "view" else dates(system=system)
        listed = [*before, *fields, *after]
        indexes = list(more.get("indexes", []))
        if type == "auth":
            indexes.append(f"CREATE UNIQUE INDEX `idx_tokenKey_{id}` ON `{name}` (`tokenKey`)")
            indexes.append(f"CREATE UNIQUE INDEX `idx_email_{id}` ON `{name}` (`email`) WHERE `email` != ''")
        options = {"viewQuery": more["viewQuery"]} if type == "view" else {}
        if type == "auth":
            options = auth_options(name, **more.get("options", {}))
        self.db.execute(
            "INSERT INTO _collections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(id, system, type, name, json.dumps(listed), json.dumps(indexes)),
                *(more.get(rule) for rule in RULES),
                *(json.dumps(options), STAMP, LATER),
            ],
        )
        if type == "view":
            self.db.execute(f"CREATE VIEW `{name}` AS SELECT * FROM ({more['viewQuery']})")  # noqa: S608
        else:
            columns = ", ".join(f"`{one['name']}` {column(one)}" for one in listed)
            self.db.execute(f"CREATE TABLE `{name}` ({columns})")
            for index in more.get("sql_indexes", indexes):
                self.db.execute(index)
        self.ids[name] = id
        return id

    def insert(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Records, as SQLite has them: lists and objects are written as JSON."""
        for row in rows:
            content = {"created": STAMP, "updated": LATER} | row
            names = ", ".join(f"`{key}`" for key in content)
            places = ", ".join("?" * len(content))
            values = [json.dumps(one) if isinstance(one, list | dict) else one for one in content.values()]
            self.db.execute(f"INSERT INTO `{name}` ({names}) VALUES ({places})", values)  # noqa: S608

    def person(self, collection: str, id: str, email: str, **more: Any) -> dict[str, Any]:
        """A person in an auth collection, whose password is PASSWORD."""
        row = {"id": id, "email": email, "password": HASH, "tokenKey": secret(id), "verified": True} | more
        self.insert(collection, [row])
        return row

    def file(self, collection: str, record: str, name: str, content: bytes) -> None:
        """A file of a record, with what PocketBase keeps beside it."""
        folder = self.folder / "storage" / self.ids[collection] / record
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        (folder / f"{name}.attrs").write_text('{"user.content_type":"text/plain"}')
        thumbs = folder / f"thumbs_{name}"
        thumbs.mkdir(exist_ok=True)
        (thumbs / f"100x100_{name}").write_bytes(b"a small one")

    def settings(self, value: Any) -> None:
        """The settings; a text is one that is encrypted."""
        stored = value if isinstance(value, str) else json.dumps(value).encode()
        self.db.execute("INSERT OR REPLACE INTO _params VALUES ('settings', ?, ?, ?)", (stored, STAMP, LATER))


OPEN = {"listRule": "", "viewRule": ""}


def make_whole(folder: Path, records: int) -> None:
    """A directory with every type of field, people, links, files and views, and about so many records."""
    people, posts = max(2, records // 5), max(2, records * 3 // 5)
    notes = max(2, records - people - posts)
    with PocketBase(folder) as made:
        made.collection(
            "users",
            [field("text", "name", max=255), field("file", "avatar", maxSelect=1, mimeTypes=["text/plain"])],
            type="auth",
            id="_pb_users_auth_",
            **OPEN,
            createRule="",
            updateRule="id = @request.auth.id",
        )
        users, tags = made.ids["users"], ["red", "green", "blue"]
        made.collection(
            "posts",
            [
                field("text", "title", required=True),
                field("editor", "body"),
                field("number", "score"),
                field("number", "views", onlyInt=True),
                field("bool", "public"),
                field("email", "contact"),
                field("url", "link"),
                field("date", "due"),
                field("select", "state", values=["open", "done"], maxSelect=1),
                field("select", "tags", values=tags, maxSelect=3),
                field("relation", "author", collectionId=users, maxSelect=1, cascadeDelete=True),
                field("relation", "readers", collectionId=users, maxSelect=99),
                field("file", "papers", maxSelect=5, protected=True),
                field("json", "meta"),
                field("geoPoint", "place"),
                field("password", "code"),
            ],
            **OPEN,
            updateRule="author = @request.auth.id",
            indexes=[
                "CREATE INDEX `idx_posts_state` ON `posts` (`state`, `created` DESC)",
                "CREATE UNIQUE INDEX `idx_posts_title` ON `posts` (`title` COLLATE NOCASE) WHERE `title` != ''",
            ],
        )
        made.collection(
            "notes",
            [field("text", "text"), field("relation", "post", collectionId=made.ids["posts"], maxSelect=1)],
            **OPEN,
        )
        made.collection(
            "public_posts",
            [field("text", "id", system=True, primaryKey=True), field("text", "title"), field("json", "tags_count")],
            type="view",
            viewQuery="SELECT id, title, json_array_length(tags) AS tags_count FROM posts WHERE public = 1",
            **OPEN,
        )
        for at in range(people):
            avatar = f"face_{at:06d}.txt" if at % 50 == 0 else ""
            id = f"user{at:011d}"
            made.person("users", id, f"person{at}@example.com", name=f"Person {at}", avatar=avatar, verified=at % 2)
            if avatar:
                made.file("users", id, avatar, f"the face of {at}".encode())
        for at in range(posts):
            id, paper = f"post{at:011d}", f"paper_{at:06d}.txt"
            has_paper = at % 100 == 0
            made.insert("posts", [_post(at, id, people, [paper] if has_paper else [])])
            if has_paper:
                made.file("posts", id, paper, f"paper {at}\n".encode() * 20)
        made.insert(
            "notes",
            (
                {"id": f"note{at:011d}", "text": f"Ünö {at} 🙂", "post": f"post{at % posts:011d}" if at % 3 else ""}
                for at in range(notes)
            ),
        )
        made.person("_superusers", "superuser000001", "chief@example.com")
        made.insert("_externalAuths", [_of("user00000000000", id="link00000000001", provider="google", providerId="1")])
        made.insert("_authOrigins", [_of("user00000000000", id="from00000000001", fingerprint="0" * 32)])
        made.insert("_mfas", [_of("user00000000000", id="mfa000000000001", method="password")])


def _of(record: str, **more: Any) -> dict[str, Any]:
    return {"collectionRef": "_pb_users_auth_", "recordRef": record, **more}


def _post(at: int, id: str, people: int, papers: list[str]) -> dict[str, Any]:
    return {
        "id": id,
        "title": f"Post {at}",
        "body": f"<p>Text {at} with “quotes” and <b>more</b></p>",
        "score": at / 4 - 10,
        "views": at * 7,
        "public": at % 2,
        "contact": f"contact{at}@example.com" if at % 2 else "",
        "link": f"https://example.com/{at}",
        "due": f"2026-05-{at % 28 + 1:02d} 08:15:00.250Z" if at % 3 else "",
        "state": ("", "open", "done")[at % 3],
        "tags": ["red", "green", "blue"][: at % 4],
        "author": f"user{at % people:011d}" if at % 5 else "",
        "readers": [f"user{(at + step) % people:011d}" for step in range(min(at % 3, people))],
        "papers": papers,
        "meta": {"at": at, "deep": {"list": [1, 2.5, "x", None]}} if at % 2 else None,
        "place": {"lon": at % 180 + 0.5, "lat": -(at % 90) + 0.25},
        "code": HASH,
    }
