"""The steps of a change that drop views before it and make them after it."""

import asyncio
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.keeping import keep_view
from holdfast.collections.mishap import Places
from holdfast.collections.step import Step
from holdfast.db.pool import Transaction
from holdfast.db.sql import qualified, raw
from holdfast.errors import ApiError, BadRequest, Problem, ValidationFailed
from holdfast.schema.collection import Collection

if TYPE_CHECKING:  # imports sqlglot, which costs 40 MB
    from holdfast.collections.views import BrokenView, MadeView

CODE: Final = "validation_invalid_view_query"


class ViewChange(msgspec.Struct, frozen=True):
    """All collections of a change, with the fields of their views, and what happens to the views in the database."""

    collections: tuple[Collection, ...]
    gone: tuple[Collection, ...] = ()
    made: "tuple[MadeView, ...]" = ()


async def settle(tx: Transaction, old: Catalog, new: Sequence[Collection], places: Places) -> ViewChange:
    """Infer the fields of the views. Raises ValidationFailed for a view of the request, BadRequest for another one."""
    if not any(one.is_view for one in (*old.collections, *new)):
        return ViewChange(tuple(new))
    await asyncio.to_thread(import_module, "sqlglot.optimizer.qualify")  # a second, once: others are served meanwhile
    from holdfast.collections.views import BrokenView, settle_views

    try:
        settled = await settle_views(tx, old, new)
    except BrokenView as failure:
        raise _refusal(old, failure, places) from failure
    return ViewChange(settled.collections, settled.gone, settled.made)


def _refusal(old: Catalog, failure: "BrokenView", places: Places) -> ApiError:
    view = failure.view
    was = old.by_id.get(view.id)
    if was is not None and was.view_query == view.view_query and was.name == view.name:
        return BadRequest(f"The view {view.name} would break: {failure.message}")
    return ValidationFailed(places.problem(view.id, ("viewQuery",), Problem(CODE, failure.message)))


def drop_steps(change: ViewChange, taken: set[str]) -> Iterator[Step]:
    """The views that go, each before those that it reads. One that does not come again is kept in the trash."""
    there = {collection.id for collection in change.collections}
    for view in change.gone:
        keep = None if view.id in there else keep_view(view, taken)
        if keep is not None:
            taken.add(keep.id)
        yield Step(
            collection=view.name,
            action="drop_view",
            sql=raw("DROP VIEW ") + qualified("public", view.name),
            locks="access exclusive",
            keeps=keep,
        )


def create_steps(change: ViewChange) -> Iterator[Step]:
    """The views that come, each after those that it reads."""
    for made in change.made:
        yield Step(
            collection=made.collection.name,
            action="create_view",
            sql=made.create,
            source=made.collection.id,
            where=("viewQuery",),
        )


async def check_ids(tx: Transaction, change: ViewChange, places: Places) -> None:
    """Raise ValidationFailed for a new view in which an id is missing or comes twice."""
    doubtful = [made.collection for made in change.made if made.look_at_ids]
    if not doubtful:
        return
    from holdfast.collections.views import has_doubtful_ids  # imports sqlglot

    for view in doubtful:
        if await has_doubtful_ids(tx, view):
            message = "The column id has to be another one in each row, and never null; here it is not."
            raise ValidationFailed(places.problem(view.id, ("viewQuery",), Problem(CODE, message)))
