"""Slugs: a part of an address, made of a title, and no two records of a collection have the same."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from typing_extensions import override

from holdfast.db.sql import name, qualified, raw, value
from holdfast.plugin import CommandLine, Context, Plugin, RecordAction, RecordDraft, SettingsChange

from .filling import fill
from .settings import Settings, Slug
from .spelling import free_slug, slug_of


@click.command("fill")
@click.pass_obj
def fill_command(line: CommandLine) -> None:
    """Give a slug to each record that has none yet."""
    click.echo(f"{line.run(fill)} records have a slug now")


class Slugs(Plugin):
    """Fills the fields that its settings name, in the transaction of the write."""

    name = "slugs"
    description = "Unique slugs, made of another field."
    Settings = Settings

    @override
    def commands(self) -> Sequence[click.Command]:
        return (fill_command,)

    @override
    def actions(self) -> Sequence[RecordAction]:
        return (
            RecordAction(
                name="renew",
                label="Make the slug anew",
                run=self.renew,
                collections=lambda settings: [slug.collection for slug in settings.slugs],
                description="The slug is made of the text as it is now.",
                confirm="Addresses with the slugs of before end.",
            ),
        )

    async def renew(self, ctx: Context, record: Mapping[str, Any]) -> None:
        """Make the slugs of a record anew: an empty one is, when it is written."""
        empty = {slug.field: "" for slug in _here(ctx)}
        if ctx.collection is not None and empty:
            await ctx.records.update(ctx.collection.name, record["id"], empty)

    @override
    async def settings_changed(self, ctx: Context, change: SettingsChange) -> None:
        for slug in ctx.settings(Settings).slugs:
            collection = ctx.collections.get(slug.collection)
            missing = [one for one in (slug.source, slug.field) if collection is None or one not in collection.by_name]
            if missing:
                ctx.log.warning("there is nothing to make slugs of", collection=slug.collection, missing=missing)

    @override
    async def record_before_create(self, ctx: Context, draft: RecordDraft) -> None:
        for slug in _here(ctx):
            given = str(draft.values.get(slug.field) or "")
            await _set(ctx, draft, slug, given or draft.values.get(slug.source))

    @override
    async def record_before_update(self, ctx: Context, draft: RecordDraft) -> None:
        for slug in _here(ctx):
            given = str(draft.values.get(slug.field) or "")
            if given:
                await _set(ctx, draft, slug, given)
            elif slug.field in draft.values or (slug.on_update == "follow" and slug.source in draft.values):
                await _set(ctx, draft, slug, await _source(ctx, draft, slug))


def _here(ctx: Context) -> Iterator[Slug]:
    """The slugs of this collection, as far as there are such fields."""
    collection = ctx.collection
    if collection is None:
        return
    for slug in ctx.settings(Settings).slugs:
        if slug.collection == collection.name and {slug.source, slug.field} <= collection.by_name.keys():
            yield slug


async def _set(ctx: Context, draft: RecordDraft, slug: Slug, text: object) -> None:
    base = slug_of(str(text or ""), slug.longest) or draft.id
    taken = await _taken(ctx, slug, base, draft.id)
    draft.values[slug.field] = free_slug(base, taken, slug.longest)


async def _source(ctx: Context, draft: RecordDraft, slug: Slug) -> Any:
    if slug.source in draft.values:
        return draft.values[slug.source]
    record = await ctx.records.get(slug.collection, draft.id, fields=slug.source)
    return None if record is None else record[slug.source]


async def _taken(ctx: Context, slug: Slug, base: str, id: str) -> frozenset[str]:
    """The slugs of other records that begin alike.

    Whoever makes a slug of the same first word waits here until this transaction is over: so no two take the same one.
    """
    begins = base[: max(slug.longest // 2 - 4, 1)]  # as much as a number at the end leaves of it
    lock = f"slugs {slug.collection} {slug.field} {base.partition('-')[0][: slug.longest // 4]}"
    await ctx.execute(raw("SELECT pg_advisory_xact_lock(hashtextextended(") + value(lock, "text") + raw(", 0))"))
    rows = await ctx.fetch(
        raw("SELECT ")
        + name(slug.field)
        + raw(" AS slug FROM ")
        + qualified("public", slug.collection)
        + raw(" WHERE starts_with(")
        + name(slug.field)
        + raw(", ")
        + value(begins, "text")
        + raw(") AND id <> ")
        + value(id, "text")
    )
    return frozenset(row["slug"] for row in rows)
