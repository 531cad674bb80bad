"""What was given up since a time is sent to an endpoint again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target
from holdfast.audit.write import write
from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.errors import BadRequest, Problem, ValidationFailed
from holdfast.expressions.moment import read_moment
from holdfast.webhooks import store
from holdfast.webhooks.audited import KIND
from holdfast.webhooks.endpoint_reading import UNKNOWN
from holdfast.webhooks.replay import read_dry_run

MOST_RECOVERED: Final = 100_000  # deliveries of one call
_DEAD: Final = (
    raw(" FROM holdfast.deliveries AS d WHERE d.state = 3 AND d.webhook_id = ")
    + named("id", "text")
    + raw(" AND d.finished >= ")
    + named("since", "timestamptz")
)
_COUNT: Final = Statement.of(
    raw("SELECT count(*) AS count FROM (SELECT") + _DEAD + raw(" LIMIT ") + value(MOST_RECOVERED + 1, "bigint")
    + raw(") AS few")
)  # fmt: skip
_RECOVER: Final = Statement.of(
    raw("UPDATE holdfast.deliveries SET state = 0, next_at = now(), finished = NULL, attempts = 0")
    + raw(" WHERE id = ANY (ARRAY(SELECT d.id")
    + _DEAD
    + raw("))")
)


async def recover(engine: Engine, author: Author, webhook_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Have all that was given up since a time sent again, with all its tries before it; or count it for `dryRun`.

    Raises NotFound, ValidationFailed, and BadRequest for more than MOST_RECOVERED.
    """
    problems: dict[str, Problem] = {key: UNKNOWN for key in body if key not in ("since", "dryRun")}
    since, dry = _since(body, problems), read_dry_run(body, problems)
    if problems or since is None:
        raise ValidationFailed(problems)
    given = Inputs(named={"id": webhook_id, "since": since})
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            url = (await store.get_row(tx, webhook_id, locked=not dry))["url"]
            row = await tx.fetchrow(_COUNT, given)
            count = 0 if row is None else int(row["count"])
            if count > MOST_RECOVERED:
                raise BadRequest(f"These are more than {MOST_RECOVERED:,} deliveries: ask for a later time.")
            if dry:
                return {"queued": count}
            queued = int((await tx.execute(_RECOVER, given)).rpartition(" ")[2])
            target = Target(KIND, webhook_id, url)
            await write(tx, author, Entry(action="webhook.recovered", target=target, details={"queued": queued}))
            return {"queued": queued}


def _since(body: Mapping[str, Any], problems: dict[str, Problem]) -> datetime | None:
    given = body.get("since")
    found = read_moment(given) if isinstance(given, str) else None
    if found is None:
        problems["since"] = Problem("validation_invalid_date", "Must be a date such as 2026-11-21 12:00:00Z.")
    return found
