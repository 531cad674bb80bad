"""Which deliveries of an ordered endpoint may be sent: of each record the first that is not done.

Records are gone through by jumps in an index, some hundred in a look, and the next look goes on from there. So it costs
the same whether one record has a hundred thousand deliveries waiting or none.
"""

from collections.abc import Mapping
from typing import Final

from holdfast.db.pool import Pool
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.webhooks.queue import TAKE, Claimed, read_claims

MOST_JUMPS: Final = 500  # records of one endpoint in one look

_FIRST: Final = raw(
    "SELECT d.subject, d.id, (d.state = 0 AND d.next_at <= now())::integer AS due FROM holdfast.deliveries AS d"
) + raw(" WHERE d.webhook_id = wanted.id AND d.state < 2 AND d.subject > ")
_LOOK: Final = Statement.of(
    raw("SELECT wanted.id, found.jumps, found.last, found.due, coalesce(free.ids, '{}') || coalesce(found.ids, '{}')")
    + raw(" AS ids FROM unnest(")
    + named("webhooks", "text[]")
    + raw(", ")
    + named("most", "integer[]")
    + raw(", ")
    + named("after", "text[]")
    + raw(") AS wanted (id, most, after) CROSS JOIN LATERAL (WITH RECURSIVE head AS ((SELECT 1 AS jumps, first.*,")
    + raw(" first.due AS got FROM (")
    + _FIRST
    + raw("wanted.after ORDER BY d.subject, d.id LIMIT 1) AS first) UNION ALL")
    + raw(" SELECT head.jumps + 1, next.*, head.got + next.due FROM head CROSS JOIN LATERAL (")
    + _FIRST
    + raw("head.subject ORDER BY d.subject, d.id LIMIT 1) AS next WHERE head.got < wanted.most AND head.jumps < ")
    + value(MOST_JUMPS, "integer")
    + raw(") SELECT count(*) AS jumps, max(subject) AS last, max(got) AS due, array_agg(id) FILTER (WHERE due = 1)")
    + raw(" AS ids FROM head) AS found")
    # What is about no record has no order.
    + raw(" CROSS JOIN LATERAL (SELECT array_agg(few.id) AS ids FROM (SELECT d.id FROM holdfast.deliveries AS d")
    + raw(" WHERE d.webhook_id = wanted.id AND d.subject = '' AND d.state = 0 AND d.next_at <= now() ORDER BY d.id")
    + raw(" LIMIT wanted.most) AS few) AS free")
)
_CLAIM: Final = Statement.of(
    raw("WITH due AS MATERIALIZED (SELECT unnest(") + named("ids", "bigint[]") + raw(") AS id)") + TAKE
)


async def claim_heads(pool: Pool, wanted: Mapping[str, int], places: dict[str, str]) -> list[Claimed]:
    """Claim due deliveries of ordered endpoints, for each at most so many.

    `places` has the record after which to go on for each endpoint, and gets the one for the next look.
    """
    columns = {
        "webhooks": list(wanted),
        "most": list(wanted.values()),
        "after": [places.get(id, "") for id in wanted],
    }
    ids: list[int] = []
    for row in await pool.fetch(_LOOK, Inputs(named=columns)):
        most = wanted[row["id"]]
        goes_on = row["jumps"] >= MOST_JUMPS or (row["due"] or 0) >= most
        places[row["id"]] = row["last"] if goes_on else ""
        ids += row["ids"][:most]
    return await read_claims(pool, _CLAIM, {"ids": ids}) if ids else []
