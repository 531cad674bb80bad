"""Embeddings: a vector for each record, made of its text, so that records can be searched by what they say."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import click
import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from typing_extensions import override

from holdfast.errors import BadRequest, Forbidden, NotFound, Unauthenticated
from holdfast.identity import Principal
from holdfast.plugin import CommandLine, Context, Job, Plugin, RecordEvent, SettingsChange

from .making import make
from .nearest import nearest
from .settings import Embedding, Settings

AT_ONCE: Final = 100  # records of one call, when all are filled
MOST_FOUND: Final = 100
JOB: Final = "embed"


class Wanted(msgspec.Struct, frozen=True):
    """A record whose text has changed."""

    collection: str
    id: str


@get("/{collection:str}/nearest", summary="The records that are near a text")
async def search(
    ctx: NamedDependency[Context],
    who: NamedDependency[Principal],
    collection: FromPath[str],
    q: Annotated[str, QueryParameter(description="The text.", max_length=10_000)],
    limit: Annotated[int, QueryParameter(ge=1, le=MOST_FOUND, description="Records in the answer.")] = 10,
) -> dict[str, Any]:
    """The nearest first, among those that the caller may list, with their distances."""
    found = ctx.settings(Settings).of(collection)
    if not found or collection not in ctx.collections:
        raise NotFound("There are no embeddings of this collection.")
    embedding = found[0]
    _admit(embedding, who)
    if ctx.collections[collection].by_name[embedding.into].type != "vector":
        raise BadRequest(f"The field {embedding.into} is no vector field: PostgreSQL cannot compare what is in it.")
    (vector,) = await make(embedding.by, [q], _dimensions(ctx, embedding))
    return {"items": await nearest(ctx, who, embedding, vector, limit)}


@click.command("fill")
@click.option("--all", "everything", is_flag=True, help="Those too that have one: after a change of the callable.")
@click.pass_obj
def fill_command(line: CommandLine, everything: bool) -> None:
    """Fill the fields of the records that have no embedding yet."""

    async def work(ctx: Context) -> int:
        return await fill(ctx, everything=everything)

    click.echo(f"{line.run(work)} records were filled")


class Embeddings(Plugin):
    """Hears of each change of a text, and has a job make the vector anew."""

    name = "embeddings"
    description = "Fills a field with the embedding of other fields."
    Settings = Settings

    @override
    def routes(self) -> Sequence[Any]:
        return (search,)

    @override
    def commands(self) -> Sequence[click.Command]:
        return (fill_command,)

    @override
    def jobs(self) -> Sequence[Job[Any]]:
        return (Job(JOB, Wanted, self.embed, seconds=120.0, at_once=4, kept_seconds=0),)

    @override
    async def settings_changed(self, ctx: Context, change: SettingsChange) -> None:
        for embedding in ctx.settings(Settings).embeddings:
            collection = ctx.collections.get(embedding.collection)
            known = () if collection is None else collection.by_name
            missing = [one for one in (*embedding.fields, embedding.into) if one not in known]
            if missing:
                ctx.log.warning("there is nothing to embed", collection=embedding.collection, missing=missing)

    @override
    async def record_changed(self, ctx: Context, event: RecordEvent) -> None:
        if event.action not in ("create", "update"):
            return
        for embedding in ctx.settings(Settings).of(event.collection):
            if event.action == "create" or event.previous.keys() & set(embedding.fields):
                wanted = Wanted(event.collection, event.record_id)
                await ctx.enqueue(JOB, wanted, key=f"{event.collection}/{event.record_id}")

    async def embed(self, ctx: Context, wanted: Wanted) -> None:
        """The job: the vectors of one record, of its text as it is now."""
        for embedding in ctx.settings(Settings).of(wanted.collection):
            if not _is_there(ctx, embedding):
                continue
            record = await ctx.records.get(embedding.collection, wanted.id)
            if record is not None:
                await _write(ctx, embedding, [record])


async def fill(ctx: Context, *, everything: bool) -> int:
    """Fill all records, or those that have no embedding; how many those were."""
    filled = 0
    for embedding in ctx.settings(Settings).embeddings:
        if not _is_there(ctx, embedding):
            raise click.ClickException(f"{embedding.collection} has not all fields that the settings name.")
        after = ""
        while records := await ctx.records.list(
            embedding.collection, filter="id > {:after}", params={"after": after}, sort="id", per_page=AT_ONCE
        ):
            after = records[-1]["id"]
            wanted = [record for record in records if everything or not record.get(embedding.into)]
            await _write(ctx, embedding, wanted)
            filled += len(wanted)
    return filled


async def _write(ctx: Context, embedding: Embedding, records: Sequence[Mapping[str, Any]]) -> None:
    """Make and write the vectors of some records; of one without text it is none."""
    texts = [_text(embedding, record) for record in records]
    spoken = [text for text in texts if text]
    vectors = iter(await make(embedding.by, spoken, _dimensions(ctx, embedding)) if spoken else ())
    for record, text in zip(records, texts, strict=True):
        vector = next(vectors) if text else None
        if record.get(embedding.into) != vector:
            await ctx.records.update(embedding.collection, record["id"], {embedding.into: vector})


def _text(embedding: Embedding, record: Mapping[str, Any]) -> str:
    return "\n".join(str(record[field]) for field in embedding.fields if record.get(field)).strip()


def _dimensions(ctx: Context, embedding: Embedding) -> int:
    field = ctx.collections[embedding.collection].by_name[embedding.into]
    return int(getattr(field, "dimensions", embedding.dimensions))


def _is_there(ctx: Context, embedding: Embedding) -> bool:
    collection = ctx.collections.get(embedding.collection)
    return collection is not None and {*embedding.fields, embedding.into} <= collection.by_name.keys()


def _admit(embedding: Embedding, who: Principal) -> None:
    if embedding.search == "anyone" or who.is_superuser:
        return
    if who.kind == "guest":
        raise Unauthenticated
    if embedding.search == "superusers":
        raise Forbidden("Only superusers may search here.")
