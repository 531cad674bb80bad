"""The tables of webhooks: endpoints, what is to be delivered to them, and each attempt at it.

Every name in the SQL is qualified, so that no search_path can change what it means.
"""

from typing import Final

from holdfast.db.script import MigrationManager, script

ID = "0011_system_webhooks"
VERSION = "1.38.0"
DESCRIPTION = "Webhooks"

TABLES: Final = """
CREATE TABLE holdfast.webhooks (
    id              text        PRIMARY KEY,
    url             text        NOT NULL,
    description     text        NOT NULL DEFAULT '',
    events          text[]      NOT NULL,
    filter          text        NOT NULL DEFAULT '',
    fields          text[]      NOT NULL DEFAULT '{}',
    role            text        NOT NULL DEFAULT '', -- no reference: without its role an endpoint sees nothing
    headers         jsonb       NOT NULL DEFAULT '{}',
    active          boolean     NOT NULL DEFAULT true,
    ordered         boolean     NOT NULL DEFAULT false,
    timeout         integer     NOT NULL,
    rate_limit      jsonb,
    secret          bytea       NOT NULL, -- sealed with the server's key
    old_secret      bytea,
    old_until       timestamptz,
    circuit         jsonb       NOT NULL DEFAULT '{}',
    disabled        text        NOT NULL DEFAULT '', -- why the server has turned it off
    created         timestamptz NOT NULL DEFAULT now(),
    updated         timestamptz NOT NULL DEFAULT now()
);

-- One row: up to where events have become deliveries. It moves in the transaction that writes them.
CREATE TABLE holdfast.webhook_cursor (
    single          boolean     PRIMARY KEY DEFAULT true CHECK (single),
    epoch           text        NOT NULL,
    seq             bigint      NOT NULL
);

-- A claim is a lease, and its token the proof: who comes back late, after another has claimed it, changes nothing.
CREATE TABLE holdfast.deliveries (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id      text        NOT NULL REFERENCES holdfast.webhooks (id) ON DELETE CASCADE,
    seq             bigint, -- null for what is not of the log: then `body` has it
    event_id        text        NOT NULL,
    type            text        NOT NULL,
    subject         text        NOT NULL DEFAULT '', -- the record, for endpoints that want its events in order
    body            text,
    replay          boolean     NOT NULL DEFAULT false,
    state           smallint    NOT NULL DEFAULT 0, -- 0 ready, 1 leased, 2 delivered, 3 dead
    attempts        integer     NOT NULL DEFAULT 0, -- that counted as tries
    next_at         timestamptz NOT NULL DEFAULT now(),
    lease           uuid,
    lease_until     timestamptz,
    status          integer,
    error           text        NOT NULL DEFAULT '',
    created         timestamptz NOT NULL DEFAULT now(),
    finished        timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
CREATE INDEX deliveries_ready ON holdfast.deliveries (webhook_id, next_at, id) WHERE state = 0;
CREATE INDEX deliveries_leased ON holdfast.deliveries (lease_until) WHERE state = 1;
CREATE INDEX deliveries_subject ON holdfast.deliveries (webhook_id, subject, id) WHERE state < 2;
CREATE INDEX deliveries_listed ON holdfast.deliveries (webhook_id, id);
CREATE INDEX deliveries_finished ON holdfast.deliveries (finished) WHERE state > 1;

CREATE TABLE holdfast.delivery_attempts (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id     bigint      NOT NULL,
    webhook_id      text        NOT NULL,
    at              timestamptz NOT NULL,
    ms              integer     NOT NULL,
    status          integer, -- null where no answer came
    error           text        NOT NULL DEFAULT '',
    request         jsonb       NOT NULL, -- url and headers, without the signature and without the endpoint's own
    response        jsonb, -- headers
    body            text -- of the response, its beginning
);
CREATE INDEX delivery_attempts_delivery ON holdfast.delivery_attempts (delivery_id, id);
CREATE INDEX delivery_attempts_webhook ON holdfast.delivery_attempts (webhook_id, at);
CREATE INDEX delivery_attempts_at ON holdfast.delivery_attempts (at);
"""

BACKWARDS: Final = """
DROP TABLE holdfast.delivery_attempts, holdfast.deliveries, holdfast.webhook_cursor, holdfast.webhooks;
"""


async def forwards() -> MigrationManager:
    """What to run, in both directions; Piccolo calls this."""
    return script(ID, DESCRIPTION, forwards=(TABLES,), backwards=(BACKWARDS,))
