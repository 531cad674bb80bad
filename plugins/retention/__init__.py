"""Retention: records are deleted or anonymised when they are old enough, at certain times, or tried first."""

from collections.abc import Sequence
from typing import Any

import click
import msgspec
from litestar import get
from litestar.di import NamedDependency
from typing_extensions import override

from holdfast.errors import ApiError, Forbidden
from holdfast.identity import Principal
from holdfast.plugin import CommandLine, Context, Plugin, Schedule

from .applying import Outcome, apply
from .settings import Settings


@get("/plan", summary="What the policies would do now")
async def show_plan(ctx: NamedDependency[Context], who: NamedDependency[Principal]) -> dict[str, Any]:
    """For superusers. Changes nothing."""
    if not who.is_superuser:
        raise Forbidden("Only superusers may see what is about to be deleted.")
    return {"items": msgspec.to_builtins(await apply_all(ctx, dry_run=True))}


@click.command("run")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and change nothing.")
@click.pass_obj
def run_command(line: CommandLine, dry_run: bool) -> None:
    """Apply the policies now."""

    async def work(ctx: Context) -> list[Outcome]:
        return await apply_all(ctx, dry_run=dry_run)

    for one in line.run(work):
        verb = {"delete": "deleted", "anonymise": "anonymised"}[one.action]
        said = f"{one.records} would be {verb}" if one.dry_run else f"{one.records - one.kept} {verb}, {one.kept} kept"
        click.echo(f"{one.collection}: {said} (older than {one.before})")


class Retention(Plugin):
    """Applies its policies once a day, or when its settings say."""

    name = "retention"
    description = "Deletes or anonymises records when they are old enough."
    Settings = Settings

    @override
    def routes(self) -> Sequence[Any]:
        return (show_plan,)

    @override
    def commands(self) -> Sequence[click.Command]:
        return (run_command,)

    @override
    def schedules(self) -> Sequence[Schedule]:
        return (Schedule("sweep", lambda settings: settings.when, self.sweep, seconds=3600.0),)

    async def sweep(self, ctx: Context) -> None:
        """What the schedule does."""
        await apply_all(ctx, dry_run=ctx.settings(Settings).dry_run)


async def apply_all(ctx: Context, *, dry_run: bool) -> list[Outcome]:
    """Apply all policies, or look at what they would do; what came of it.

    What was done is logged, and is an event `retention.applied`. Raises the failure of the first policy that does not
    fit its collection, after the others.
    """
    done: list[Outcome] = []
    failures: list[ApiError] = []
    for policy in ctx.settings(Settings).policies:
        try:
            outcome = await apply(ctx, policy, dry_run=dry_run)
        except ApiError as failure:
            ctx.log.error("a policy cannot be applied", collection=policy.collection, reason=str(failure))
            failures.append(failure)
            continue
        done.append(outcome)
        if outcome.records:
            ctx.log.info("a policy was applied", **msgspec.structs.asdict(outcome))
        if outcome.records and not dry_run:
            await ctx.emit("applied", msgspec.to_builtins(outcome))
    if failures:
        raise failures[0]
    return done
