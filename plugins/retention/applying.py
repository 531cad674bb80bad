"""Applies a policy: finds what is too old, and deletes or anonymises it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from holdfast.errors import ApiError
from holdfast.plugin import Context

from .settings import Policy

AT_ONCE: Final = 100  # records of one transaction


class Outcome(msgspec.Struct, frozen=True, rename="camel"):
    """What a policy has done, or would do.

    `records` are those that are too old, `oldest` the earliest date of them, `kept` those that could not be changed.
    """

    collection: str
    action: str
    before: str
    records: int = 0
    kept: int = 0
    oldest: str = ""
    dry_run: bool = False


async def apply(ctx: Context, policy: Policy, *, dry_run: bool) -> Outcome:
    """Apply a policy to at most `most` records, or count them. Raises ApiError for one that does not fit."""
    before = datetime.now(UTC) - timedelta(days=policy.days)
    stamp = before.strftime("%Y-%m-%d %H:%M:%S.") + f"{before.microsecond // 1000:03d}Z"
    done = Outcome(policy.collection, policy.action, stamp, dry_run=dry_run)
    async for records in _old(ctx, policy, stamp):
        kept = 0 if dry_run else await _change(ctx, policy, records)
        oldest = min(str(record[policy.field]) for record in records)
        done = msgspec.structs.replace(
            done,
            records=done.records + len(records),
            kept=done.kept + kept,
            oldest=min(done.oldest or oldest, oldest),
        )
    return done


async def _old(ctx: Context, policy: Policy, before: str) -> AsyncIterator[list[dict[str, Any]]]:
    """The records that are too old, and were not anonymised yet, in pages."""
    where, params = _filter(policy, before)
    after, left = "", policy.most
    while left > 0:
        page = await ctx.records.list(
            policy.collection,
            filter=where,
            params={**params, "after": after},
            sort="id",
            per_page=min(AT_ONCE, left),
        )
        if not page:
            return
        after = page[-1]["id"]
        wanted = [record for record in page if policy.action == "delete" or _differs(policy, record)]
        left -= len(wanted)
        if wanted:
            yield wanted


def _filter(policy: Policy, before: str) -> tuple[str, dict[str, Any]]:
    parts = [f"{policy.field} != ''", f"{policy.field} < {{:before}}", "id > {:after}"]
    params: dict[str, Any] = {"before": before}
    if policy.only:
        parts.append(f"({policy.only})")
    plain = {field: one for field, one in policy.set.items() if isinstance(one, str) and "{id}" not in one}
    if plain:  # those that have these values already were anonymised before, and need not be read again
        params |= {f"set{number}": one for number, one in enumerate(plain.values())}
        differs = " || ".join(f"{field} != {{:set{number}}}" for number, field in enumerate(plain))
        parts.append(f"({differs})")
    return " && ".join(parts), params


async def _change(ctx: Context, policy: Policy, records: Sequence[Mapping[str, Any]]) -> int:
    """Delete or anonymise some records in one transaction; how many could not be, which others may need."""
    kept = 0
    async with ctx.transaction() as tx:
        for record in records:
            try:
                if policy.action == "delete":
                    await tx.records.delete(policy.collection, record["id"])
                else:
                    await tx.records.update(policy.collection, record["id"], _values(policy, record))
            except ApiError as failure:
                kept += 1
                ctx.log.warning("a record is kept", record=record["id"], action=policy.action, reason=str(failure))
    return kept


def _values(policy: Policy, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        field: one.replace("{id}", record["id"]) if isinstance(one, str) else one for field, one in policy.set.items()
    }


def _differs(policy: Policy, record: Mapping[str, Any]) -> bool:
    return any(record.get(field) != one for field, one in _values(policy, record).items())
