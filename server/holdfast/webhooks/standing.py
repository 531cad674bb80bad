"""How endpoints are doing: what waits, what was given up, and how their attempts of the last day ended."""

from typing import Any, Final

from holdfast.db.failures import as_api_errors
from holdfast.db.sql import Inputs, Statement, named, raw, value
from holdfast.engine import Engine
from holdfast.webhooks import store

LOOKED_AT: Final = 1000  # attempts of one endpoint, and what waits for it, that the view of all looks at
_SUCCESS: Final = raw("(a.status BETWEEN 200 AND 299 AND a.error = '')")
_COUNTS: Final = Statement.of(
    raw("SELECT count(*) FILTER (WHERE d.state < 2) AS waiting, count(*) FILTER (WHERE d.state = 2) AS delivered,")
    + raw(" count(*) FILTER (WHERE d.state = 3) AS dead, coalesce(extract(epoch FROM now() - min(d.created)")
    + raw(" FILTER (WHERE d.state < 2)), 0)::float8 AS oldest FROM holdfast.deliveries AS d WHERE d.webhook_id = ")
    + named("id", "text")
)
_TIMES: Final = Statement.of(
    raw("SELECT count(*) AS attempts, count(*) FILTER (WHERE ")
    + _SUCCESS
    + raw(") AS succeeded, percentile_disc(0.5) WITHIN GROUP (ORDER BY a.ms) AS p50,")
    + raw(" percentile_disc(0.95) WITHIN GROUP (ORDER BY a.ms) AS p95,")
    + raw(" coalesce(mode() WITHIN GROUP (ORDER BY coalesce(nullif(a.error, ''),")
    + raw(" 'The receiver answered ' || a.status || '.')) FILTER (WHERE ")
    + _SUCCESS
    + raw(" IS NOT TRUE), '') AS problem FROM holdfast.delivery_attempts AS a")
    + raw(" WHERE a.at > now() - interval '1 day' AND a.webhook_id = ")
    + named("id", "text")
)
# A look into an index for each endpoint, of which the newest entries are read: it costs the same however much there is.
_ALL: Final = Statement.of(
    raw("SELECT w.id, day.attempts, day.succeeded, day.p95, holdfast.stamp(day.last) AS last, (SELECT count(*) FROM")
    + raw(" (SELECT FROM holdfast.deliveries AS d WHERE d.webhook_id = w.id AND d.state = 0 LIMIT ")
    + value(LOOKED_AT, "bigint")
    + raw(") AS few) AS waiting FROM holdfast.webhooks AS w CROSS JOIN LATERAL (SELECT count(*) AS attempts,")
    + raw(" count(*) FILTER (WHERE ")
    + _SUCCESS
    + raw(") AS succeeded, percentile_disc(0.95) WITHIN GROUP (ORDER BY a.ms) AS p95, max(a.at) AS last FROM")
    + raw(" (SELECT b.at, b.ms, b.status, b.error FROM holdfast.delivery_attempts AS b WHERE b.webhook_id = w.id")
    + raw(" AND b.at > now() - interval '1 day' ORDER BY b.at DESC LIMIT ")
    + value(LOOKED_AT, "bigint")
    + raw(") AS a) AS day ORDER BY w.created, w.id")
)


async def stats(engine: Engine, webhook_id: str) -> dict[str, Any]:
    """How an endpoint is doing: deliveries by state, and attempts of the last day. Raises NotFound."""
    given = Inputs(named={"id": webhook_id})
    with as_api_errors():
        async with engine.pool.transaction() as tx:
            endpoint = store.endpoint_json(engine, await store.get_row(tx, webhook_id))
            counts, times = await tx.fetchrow(_COUNTS, given), await tx.fetchrow(_TIMES, given)
    if counts is None or times is None:
        return {}
    return {
        "circuit": endpoint["circuit"],
        "disabled": endpoint["disabled"],
        "error": endpoint["error"],
        **{name: counts[name] for name in ("waiting", "delivered", "dead")},
        "oldestSeconds": round(counts["oldest"], 3),
        "day": {name: times[name] for name in ("attempts", "succeeded", "p50", "p95", "problem")},
    }


async def all_stats(engine: Engine) -> list[dict[str, Any]]:
    """How all endpoints are doing, by their newest attempts of the last day, at most LOOKED_AT of each."""
    with as_api_errors():
        rows = await engine.pool.fetch(_ALL)
    names = ("id", "waiting", "attempts", "succeeded", "p95", "last")
    return [{name: row[name] for name in names} for row in rows]
