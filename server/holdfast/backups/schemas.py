"""What OpenAPI says of backups."""

from typing import Final

from holdfast.http.routing import Parameter, Schema

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer"}
_FLAG: Final[Schema] = {"type": "boolean"}
_PHASES: Final = (
    "snapshot",
    "database",
    "files",
    "keep",
    "safety",
    "check",
    "load",
    "migrate",
    "count",
    "lay",
    "swap",
    "done",
)
PREFER: Final = Parameter("Prefer", "respond-async: answer 202 and the job at once.", place="header")
BACKUP: Final[Schema] = {
    "type": "object",
    "required": ["key", "size", "modified", "kind", "contents", "where", "state"],
    "properties": {
        "key": _TEXT,
        "size": {"type": "integer", "description": "In bytes."},
        "modified": _TEXT,
        "kind": {"enum": ["manual", "scheduled", "safety", "uploaded", "unknown"]},
        "contents": {"type": "array", "items": {"enum": ["database", "files"]}},
        "where": {"enum": ["local", "s3"]},
        "sha256": {"type": "string", "description": "Empty until all of it was read once."},
        **dict.fromkeys(("note", "by", "version", "postgres", "project"), _TEXT),
        "made": {"type": "string", "description": "The moment that it is of."},
        "ours": {"type": "boolean", "description": "Whether it was made by a server with this one's key."},
        "secrets": {"type": "boolean", "description": "Whether it holds the server's key and hashes of passwords."},
        **dict.fromkeys(("collections", "rows", "files", "fileBytes"), _COUNT),
        "verified": {"type": "string", "description": "When it was last checked; empty if never."},
        "verifiedOk": {"type": ["boolean", "null"]},
        "state": {"enum": ["ok", "newer", "unreadable"]},
        "problem": {"type": "string", "description": "Why it cannot be read."},
    },
}
JOB: Final[Schema] = {
    "type": "object",
    "required": ["id", "kind", "key", "state", "phase", "done", "total", "message", "result", "started", "ended"],
    "properties": {
        "id": _TEXT,
        "kind": {"enum": ["create", "verify", "restore"]},
        "key": _TEXT,
        "state": {"enum": ["running", "done", "failed"]},
        "phase": {"enum": list(_PHASES)},
        "done": {"type": "integer", "description": "Bytes of this phase."},
        "total": {"type": ["integer", "null"]},
        "message": _TEXT,
        "result": {"type": ["object", "null"]},
        **dict.fromkeys(("by", "started", "ended"), _TEXT),
        "watch": {"type": "string", "description": "For who has begun it: to ask for it without a login."},
    },
}
WANTED: Final[Schema] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": r"^[a-z0-9_-]+\.zip$", "description": "Made up if absent."},
        "files": {**_FLAG, "default": True, "description": "Whether the files of records are in it."},
        "note": {"type": "string", "maxLength": 500},
    },
}
RESTORE: Final[Schema] = {
    "type": "object",
    "properties": {
        "confirm": {"type": "string", "description": "The name of the backup once more: what somebody has typed."},
        "safety": {**_FLAG, "default": True, "description": "Make a backup of what there is now before."},
        "deliveries": {**_FLAG, "default": False, "description": "Send the webhooks and mails that waited then."},
    },
}
_NAMES: Final[Schema] = {"type": "array", "items": _TEXT}
_MAYBE: Final[Schema] = {"type": ["integer", "null"]}
_COMPARED: Final[Schema] = {
    "type": "object",
    "required": ["id", "name", "nameNow", "type", "change", "fields", "rowsThen", "rowsNow", "newer"],
    "properties": {
        **dict.fromkeys(("id", "name", "nameNow", "type"), _TEXT),
        "change": {"enum": ["same", "changed", "gone", "back"]},
        "fields": {
            "type": "object",
            "required": ["back", "gone", "changed"],
            "properties": dict.fromkeys(("back", "gone", "changed"), _NAMES),
        },
        "rowsThen": _MAYBE,
        "rowsNow": _MAYBE,
        "newer": {"type": ["integer", "null"], "description": "Records made or changed since; null: nobody knows."},
    },
}
INSPECTION: Final[Schema] = {
    "type": "object",
    "required": ["backup", "collections", "newer", "files", "restorable", "problem"],
    "properties": {
        "backup": BACKUP,
        "collections": {"type": "array", "items": _COMPARED},
        "newer": _COUNT,
        "files": {"type": "object", "properties": dict.fromkeys(("then", "now", "bytesThen", "bytesNow"), _COUNT)},
        "restorable": _FLAG,
        "problem": _TEXT,
    },
}
