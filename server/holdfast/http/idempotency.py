"""`Idempotency-Key`: the first answer to a request is kept, and given again to whoever asks the same again.

The answer is kept in the transaction of the write, so one is there exactly when the other is. A client that lost
the connection before the answer can send its request again without doing it twice.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec

from holdfast.db.failures import api_error
from holdfast.db.pool import Pool, Transaction
from holdfast.db.sql import Statement, raw, value
from holdfast.errors import ApiError, BadRequest, Conflict, IdempotencyMismatch
from holdfast.http.form_value import Upload
from holdfast.http.refusal import refusal
from holdfast.http.request import Request
from holdfast.http.response import JSON, Response

Run: TypeAlias = Callable[[Transaction | None], Awaitable[Response]]
"""Does the request, in the transaction if one is given."""

KEPT: Final = "24 hours"
SWEPT_AT_ONCE: Final = 10_000  # rows
_KEY: Final = re.compile(rb"[\x21-\x7e]{1,255}")
_PASSING: Final = frozenset((401, 409, 429))  # refusals that can be another answer a moment later
_REPLAYED: Final = (b"idempotent-replayed", b"true")
_HEADERS: Final = msgspec.json.Decoder(dict[str, str])


async def once(pool: Pool, request: Request, body: Mapping[str, Any], run: Run) -> Response:
    """Answer a request whose `body` was read already: by `run`, or by what `run` answered the first time.

    Without the header `run` gets no transaction. Refusals are kept too, except those that a moment can change.
    Raises BadRequest for a key that is none, IdempotencyMismatch when the key came with another request, and
    Conflict while the first request is still running.
    """
    given = request.headers.get(b"idempotency-key")
    if given is None:
        return await run(None)
    if _KEY.fullmatch(given) is None:
        raise BadRequest("Idempotency-Key has to be 1 to 255 visible ASCII characters.")
    kept = _Kept(request.principal.key, given.decode("ascii"), _fingerprint(request, body))
    async with pool.transaction() as tx:
        await kept.lock(tx)
        earlier = await kept.find(tx)
        if earlier is not None:
            return earlier
        answer = await _first(tx, request, run)
        await kept.put(tx, answer)
        return answer


async def _first(tx: Transaction, request: Request, run: Run) -> Response:
    """The answer of a request that runs for the first time; what a refused one has written is undone."""
    try:
        async with tx.savepoint():
            return await run(tx)
    except asyncpg.QueryCanceledError:
        raise  # it was too slow this time
    except (ApiError, asyncpg.PostgresError) as failure:
        error = failure if isinstance(failure, ApiError) else api_error(failure)
        if error is None or error.status >= 500 or error.status in _PASSING:
            raise
        return refusal(error, request.id)


def _fingerprint(request: Request, body: Mapping[str, Any]) -> bytes:
    # Of what the body says and not of its bytes: a form that is sent again has another boundary in it.
    digest = hashlib.sha256(msgspec.json.encode([request.method, request.path]))
    digest.update(request.query_string + b"\n")
    digest.update(msgspec.json.encode(body, enc_hook=_identity))
    return digest.digest()


def _identity(part: object) -> object:
    """A file of a form stands for itself by what is in it, not by where it was put."""
    if isinstance(part, Upload):
        return part.identity
    raise TypeError(f"a {type(part).__name__} is no part of a body")


class _Kept:
    """What is kept under one key of one caller."""

    def __init__(self, principal: str, key: str, fingerprint: bytes) -> None:
        self._principal = principal
        self._key = key
        self._fingerprint = fingerprint

    async def lock(self, tx: Transaction) -> None:
        """Hold the key until the transaction ends. Raises Conflict when somebody else does."""
        digest = hashlib.sha256(f"{self._principal}\0{self._key}".encode()).digest()
        number = int.from_bytes(digest[:8], signed=True)
        row = await tx.fetchrow(raw("SELECT pg_try_advisory_xact_lock(") + value(number, "bigint") + raw(") AS held"))
        if row is None or not row["held"]:
            message = "The first request with this Idempotency-Key is still running: ask again in a moment."
            raise Conflict(message, headers={"Retry-After": "1"})

    async def find(self, tx: Transaction) -> Response | None:
        """The answer that is kept. Raises IdempotencyMismatch when it is one to another request.

        A statement of its own after `lock`: only then does it see what the one who held the lock has written.
        """
        row = await tx.fetchrow(
            raw("SELECT fingerprint, status, headers::text, body FROM holdfast.idempotency WHERE principal = ")
            + value(self._principal, "text")
            + raw(" AND key = ")
            + value(self._key, "text")
            + raw(" AND created > now() - ")
            + value(KEPT, "text")
            + raw("::interval")
        )
        if row is None:
            return None
        if row["fingerprint"] != self._fingerprint:
            raise IdempotencyMismatch
        headers = tuple((name.encode(), text.encode()) for name, text in _HEADERS.decode(row["headers"]).items())
        return Response(row["status"], row["body"], (*headers, _REPLAYED))

    async def put(self, tx: Transaction, answer: Response) -> None:
        """Keep the answer, in place of one that has expired."""
        if answer.body and answer.content_type != JSON:
            raise ValueError("only JSON answers are kept")
        headers = {name.decode("latin-1"): text.decode("latin-1") for name, text in answer.headers}
        await tx.execute(
            raw("INSERT INTO holdfast.idempotency (principal, key, fingerprint, status, headers, body) VALUES (")
            + value(self._principal, "text")
            + raw(", ")
            + value(self._key, "text")
            + raw(", ")
            + value(self._fingerprint, "bytea")
            + raw(", ")
            + value(answer.status, "integer")
            + raw(", ")
            + value(msgspec.json.encode(headers).decode(), "jsonb")
            + raw(", ")
            + value(answer.body, "bytea")
            + raw(") ON CONFLICT (principal, key) DO UPDATE SET fingerprint = excluded.fingerprint,")
            + raw(" status = excluded.status, headers = excluded.headers, body = excluded.body, created = now()")
        )


_SWEEP: Final = Statement.of(
    raw("DELETE FROM holdfast.idempotency WHERE ctid = ANY (ARRAY(SELECT ctid FROM holdfast.idempotency")
    + raw(" WHERE created < now() - ")
    + value(KEPT, "text")
    + raw("::interval LIMIT ")
    + value(SWEPT_AT_ONCE, "bigint")
    + raw("))")
)


async def sweep_idempotency(pool: Pool) -> int:
    """Forget the answers that have expired, at most SWEPT_AT_ONCE of them; the number of those that are gone.

    Meant to be called about once an hour, and again while it answers SWEPT_AT_ONCE.
    """
    return int((await pool.execute(_SWEEP)).rpartition(" ")[2])
