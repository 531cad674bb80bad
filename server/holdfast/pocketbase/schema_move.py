"""The collections of a move: read, mended until Holdfast takes them, and made, in the transaction of the move."""

from collections.abc import Sequence
from typing import Final

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.change import Decision, perform
from holdfast.collections.mishap import Places
from holdfast.config import Settings
from holdfast.db.pool import Transaction
from holdfast.db.sql import Sql, qualified, raw, value
from holdfast.errors import ApiError, Problem, Problems, ValidationFailed
from holdfast.pocketbase.adopting import with_adopted_ids
from holdfast.pocketbase.definitions import OWN, Definition, definitions, with_own_ids
from holdfast.pocketbase.failed import CannotMove
from holdfast.pocketbase.mending import mend, paths
from holdfast.pocketbase.names import Renames
from holdfast.pocketbase.report import MovedView, Notes, ViewState
from holdfast.pocketbase.source import Source
from holdfast.pocketbase.source_collection import SourceCollection
from holdfast.schema.collection import Collection
from holdfast.schema.draft import Draft, read_draft
from holdfast.schema.system import USERS, USERS_ID
from holdfast.schema.together import check_together

MOST_TRIES: Final = 2000  # each mends something; there are not so many things to mend


class SchemaMove:
    """Brings the collections that are new, or another than when they were moved before."""

    def __init__(self, source: Source, sources: Sequence[SourceCollection], renames: Renames, notes: Notes) -> None:
        self._source = source
        self._sources = sources
        self._renames = renames
        self._notes = notes
        self._views: dict[str, ViewState] = {}
        self._dropped: frozenset[str] = frozenset()

    async def make(self, tx: Transaction, settings: Settings, old: Catalog, known: dict[str, bytes]) -> Catalog:
        """Make them. `known` are the digests of what was moved before, by id. Raises CannotMove and ApiError."""
        await self._check_clashes(tx, old)
        changed = [one for one in self._sources if known.get(one.id) != one.digest]
        old = with_adopted_ids(old, [one for one in changed if one.id not in known])
        system = {one.name: one for one in old.collections if one.system}
        listed = definitions(changed, self._renames, system, self._notes)
        self._prepare(listed)
        for _ in range(MOST_TRIES):
            try:
                return await self._try(tx, settings, old, listed, known)
            except ValidationFailed as failure:
                mend(listed, failure.data, self._notes, self._keep_view)
        raise CannotMove("The collections cannot be made to fit: there is no end of problems with them.")

    @property
    def views(self) -> tuple[MovedView, ...]:
        """What became of the views that came now."""
        return tuple(MovedView(name, state) for name, state in self._views.items())

    async def _try(
        self, tx: Transaction, settings: Settings, old: Catalog, listed: Sequence[Definition], known: dict[str, bytes]
    ) -> Catalog:
        drafts = _drafts(listed, old, known, self._dropped)
        collections, problems = _together(drafts, listed, old, self._dropped)
        if problems:
            raise ValidationFailed({"collections": problems})
        places = Places({one.id: ("collections", str(at)) for at, one in enumerate(collections)})
        after = _after(old, collections, self._dropped)
        async with tx.savepoint():
            return (await perform(tx, settings, old, Decision(after, places))).catalog

    async def _check_clashes(self, tx: Transaction, old: Catalog) -> None:
        """Raise CannotMove where a name belongs to another collection here, unless that is the one for users that
        every server has from its start, and nobody has used it."""
        clashes: list[str] = []
        for one in self._sources:
            label = self._renames.collection(one).lower()
            for here in old.collections:
                if here.name.lower() != label or here.id == one.id or one.name in OWN:
                    continue
                if here.id == USERS_ID and here.name == USERS and not await _has_rows(tx, here):
                    self._dropped = frozenset((here.id,))
                    self._notes.add(here.name, "the empty collection that was here went to the trash")
                else:
                    clashes.append(f"{here.name} (here {here.id}, there {one.id})")
        if clashes:
            raise CannotMove(
                f"Other collections have the names of PocketBase's: {', '.join(clashes)}. Rename or delete one of each"
                " two, and try again."
            )

    def _prepare(self, listed: Sequence[Definition]) -> None:
        """What can be told before anything is tried: numbers that are not whole, and views that need translating."""
        for definition in listed:
            if definition.source.is_view:
                self._translate(definition)
                continue
            for field in definition.given.get("fields", []):
                name = _old_name(definition.source, field)
                if field.get("type") != "number" or not field.get("onlyInt") or name not in definition.source.columns:
                    continue
                if self._source.has_fractions(definition.source.name, name):
                    field["onlyInt"] = False
                    what = "has numbers that are not whole, or larger than 2^53: it takes any number now"
                    self._notes.add(f"{definition.source.name}.{name}", what)

    def _translate(self, definition: Definition) -> None:
        from holdfast.pocketbase.view_kinds import CannotTranslate  # imports sqlglot, which costs 40 MB
        from holdfast.pocketbase.view_translation import Translator

        query = definition.given["viewQuery"]
        try:
            made = Translator(self._sources).translated(query)
        except CannotTranslate as failure:
            self._keep_view(definition, str(failure))
            return
        definition.given["viewQuery"] = made
        self._views[definition.source.name] = "as it was" if made == query else "translated"

    def _keep_view(self, definition: Definition, reason: str) -> None:
        from holdfast.pocketbase.view_translation import empty_view

        source = definition.source
        if self._views.get(source.name) == "kept":
            raise CannotMove(f"The view {source.name} cannot be made: {reason}")
        self._views[source.name] = "kept"
        query = str(source.options.get("viewQuery", ""))
        definition.given["viewQuery"] = empty_view(query, f"Not translated: {reason}", source.fields)
        definition.given["comment"] = "Not translated: this view shows nothing until its query is written anew."
        what = f"shows nothing until its query is written anew, since it cannot be translated: {reason}"
        self._notes.add(source.name, what)


def _old_name(source: SourceCollection, field: dict[str, object]) -> str:
    return next((str(one.get("name", "")) for one in source.fields if one.get("id") == field.get("id")), "")


async def _has_rows(tx: Transaction, collection: Collection) -> bool:
    row = await tx.fetchrow(
        raw("SELECT EXISTS (SELECT FROM ") + qualified("public", collection.name) + raw(") AS held")
    )
    return row is not None and bool(row["held"])


def _drafts(
    listed: Sequence[Definition], old: Catalog, known: dict[str, bytes], dropped: frozenset[str]
) -> list[Draft]:
    """Each definition, read. A collection that comes for the first time is as PocketBase has it; of one that was
    here already since an earlier move, fields that were added here stay."""
    taken = {one.id for one in old.collections} - dropped
    found: list[Draft] = []
    for definition in listed:
        id = str(definition.given["id"])
        existing = old.by_id.get(id) if id not in dropped else None
        keeps = definition.source.name in OWN or definition.source.id in known
        draft = read_draft(definition.given, existing=existing, keep_missing=keeps, taken_ids=frozenset(taken))
        if existing is None and not definition.source.is_view and not draft.problems:
            collection = with_own_ids(draft.collection, definition.source)
            draft = msgspec.structs.replace(draft, collection=collection, positions=_positions(draft, collection))
        taken.add(id)
        found.append(draft)
    return found


def _positions(draft: Draft, collection: Collection) -> dict[str, int]:
    """Where in the request each field is, by its new id."""
    ids = {before.id: after.id for before, after in zip(draft.collection.fields, collection.fields, strict=True)}
    return {ids.get(id, id): at for id, at in draft.positions.items()}


def _together(
    drafts: Sequence[Draft], listed: Sequence[Definition], old: Catalog, dropped: frozenset[str]
) -> tuple[list[Collection], dict[str, Problem | Problems]]:
    problems: dict[str, Problem | Problems] = {str(at): one.problems for at, one in enumerate(drafts) if one.problems}
    if problems:
        return [], problems
    ids = {str(definition.given["id"]) for definition in listed}
    others = [one for one in old.collections if one.id not in ids | dropped]
    collections, found = check_together(drafts, others, {})
    return collections, {str(at): one for at, one in found.items()}


def _after(old: Catalog, collections: Sequence[Collection], dropped: frozenset[str]) -> tuple[Collection, ...]:
    new = {one.id: one for one in collections}
    stays = [new.pop(one.id, one) for one in old.collections if one.id not in dropped]
    return (*stays, *new.values())


async def take_dates(tx: Transaction, sources: Sequence[SourceCollection], known: dict[str, bytes]) -> None:
    """Let collections that come for the first time be as old as they are in PocketBase."""
    for one in sources:
        if one.id in known or one.name in OWN:
            continue
        await tx.execute(
            raw("UPDATE holdfast.collections SET created = coalesce(holdfast.try_timestamp(")
            + value(one.created, "text")
            + raw("), created), updated = coalesce(holdfast.try_timestamp(")
            + value(one.updated, "text")
            + raw("), updated) WHERE id = ")
            + value(one.id, "text")
        )


async def remember(tx: Transaction, sources: Sequence[SourceCollection], known: dict[str, bytes]) -> None:
    """Remember the definitions that were brought, under no collection's id."""
    for one in sources:
        if known.get(one.id) != one.digest:
            await tx.execute(remembering(one.id, one.digest))


def remembering(key: str, digest: bytes) -> Sql:
    """The statement that remembers the digest of something that is no record."""
    return (
        raw("INSERT INTO holdfast.moved (collection_id, record_id, digest) VALUES ('', ")
        + value(key, "text")
        + raw(", ")
        + value(digest, "bytea")
        + raw(") ON CONFLICT (collection_id, record_id) DO UPDATE SET digest = excluded.digest")
    )


def explained(failure: ApiError) -> str:
    """A refusal with all that is wrong, for people."""
    reasons = [f"{'.'.join(path)}: {problem.message}" for path, problem in paths(failure.data)]
    return " ".join([failure.message, *reasons])
