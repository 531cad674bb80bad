"""Slugs for the records that were there before the plugin was."""

from typing import Final

import click

from holdfast.plugin import Context

from .settings import Settings

AT_ONCE: Final = 200  # records


async def fill(ctx: Context) -> int:
    """Give a slug to each record that has none; how many those were. Each change is a transaction of its own."""
    filled = 0
    for slug in ctx.settings(Settings).slugs:
        where = f"{slug.field} = ''"
        while records := await ctx.records.list(slug.collection, filter=where, fields="id", per_page=AT_ONCE):
            for record in records:
                # The hook makes the slug: an empty one asks for it.
                updated = await ctx.records.update(slug.collection, record["id"], {slug.field: ""})
                if not updated[slug.field]:
                    raise click.ClickException("The plugin slugs is off: turn it on first.")
            filled += len(records)
    return filled
