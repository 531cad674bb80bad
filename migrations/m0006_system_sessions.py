"""What Holdfast keeps of logins beside the collections: sessions, second factors, passkeys, challenges.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0006_system_sessions"
VERSION = "1.38.0"
DESCRIPTION = "Sessions, second factors, passkeys and challenges"

TABLES: Final = """
-- A login that is renewed by refresh tokens. Of the token in force, and of the one before it, the SHA-256 is kept.
CREATE TABLE holdfast.sessions (
    id              text        PRIMARY KEY,
    collection_id   text        NOT NULL,
    record_id       text        NOT NULL,
    key_digest      text        NOT NULL, -- of the key of the record's tokens when the session began
    generation      bigint      NOT NULL DEFAULT 0, -- how often the refresh token was replaced
    token_hash      bytea       NOT NULL,
    previous_hash   bytea,
    nonce           bytea, -- with the previous token it gives the present one again
    rotated         timestamptz,
    created         timestamptz NOT NULL DEFAULT now(),
    used            timestamptz NOT NULL DEFAULT now(),
    expires         timestamptz NOT NULL,
    address         text        NOT NULL,
    agent           text        NOT NULL
);
CREATE INDEX sessions_record ON holdfast.sessions (collection_id, record_id, used);
CREATE INDEX sessions_expires ON holdfast.sessions (expires);

-- One-time codes by the clock. `last_step` is the newest time step of which a code was taken: none is taken twice.
CREATE TABLE holdfast.totps (
    collection_id   text        NOT NULL,
    record_id       text        NOT NULL,
    secret          bytea       NOT NULL, -- encrypted with the server's key
    confirmed       timestamptz,
    last_step       bigint      NOT NULL DEFAULT 0,
    failures        integer     NOT NULL DEFAULT 0,
    blocked         timestamptz, -- until then nothing is tried
    created         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (collection_id, record_id)
);

-- Each stands in for one code of the table above, once. SHA-256 of 80 random bits and more.
CREATE TABLE holdfast.recovery_codes (
    collection_id   text        NOT NULL,
    record_id       text        NOT NULL,
    hash            bytea       NOT NULL,
    PRIMARY KEY (collection_id, record_id, hash),
    FOREIGN KEY (collection_id, record_id) REFERENCES holdfast.totps ON DELETE CASCADE
);

CREATE TABLE holdfast.passkeys (
    id              text        PRIMARY KEY,
    collection_id   text        NOT NULL,
    record_id       text        NOT NULL,
    name            text        NOT NULL,
    credential_id   bytea       NOT NULL UNIQUE,
    public_key      bytea       NOT NULL,
    sign_count      bigint      NOT NULL,
    transports      text[]      NOT NULL DEFAULT '{}',
    aaguid          text        NOT NULL DEFAULT '',
    synced          boolean     NOT NULL DEFAULT false,
    created         timestamptz NOT NULL DEFAULT now(),
    used            timestamptz
);
CREATE INDEX passkeys_record ON holdfast.passkeys (collection_id, record_id);

-- What a passkey has to sign: asked once, answered once. In base64url, as clients send it back.
CREATE TABLE holdfast.challenges (
    challenge       text        PRIMARY KEY,
    purpose         text        NOT NULL CHECK (purpose IN ('register', 'login')),
    collection_id   text        NOT NULL,
    record_id       text        NOT NULL DEFAULT '', -- empty where anybody may answer
    expires         timestamptz NOT NULL
);
CREATE INDEX challenges_expires ON holdfast.challenges (expires);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.challenges, holdfast.passkeys, holdfast.recovery_codes, holdfast.totps, holdfast.sessions;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
