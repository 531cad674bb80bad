"""How requests become collections: one that is made or changed, or a whole import."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, cast

from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.schema.collection import Collection
from holdfast.schema.draft import Draft, read_draft
from holdfast.schema.options import INVALID
from holdfast.schema.together import check_together

MAX_COLLECTIONS: Final = 1000  # in one import
Missing: TypeAlias = Literal["stay", "fields go", "go"]
"""What an import makes of the collections that it does not list, and of the fields that those which it lists lack."""


def read_collection(
    given: Mapping[str, Any], *, existing: Collection | None, others: Iterable[Collection]
) -> Collection:
    """The collection that a request makes, or changes when it is `existing`; `others` are all that there are.

    Only given keys change; `fields` is replaced as a whole, its fields matched by id, then by name. A view's fields
    are left as they are: they come from its query.
    Raises ValidationFailed with everything that is wrong, nested as the request is (`fields.2.name`).
    """
    unmoved = [other for other in others if existing is None or other.id != existing.id]
    draft = read_draft(given, existing=existing, taken_ids=frozenset(other.id for other in unmoved))
    if draft.problems:
        raise ValidationFailed(draft.problems)
    collections, problems = check_together([draft], unmoved)
    if problems:
        raise ValidationFailed(problems[0])
    return collections[0]


def read_collections(
    given: Sequence[Any], *, existing: Sequence[Collection], missing: Missing = "stay"
) -> tuple[Collection, ...]:
    """All collections as they are after an import: the present ones in their order, then new ones in the request's.

    A given collection is a present one when its id is, or else its name. What the import does not list stays, unless
    `missing` says that it goes, or the fields alone do; the system's stay in any case.
    Raises ValidationFailed, nested under `collections` by place.
    """
    if len(given) > MAX_COLLECTIONS:
        message = f"There can be at most {MAX_COLLECTIONS} collections."
        raise ValidationFailed({"collections": Problem("validation_too_many_values", message)})
    reader = _ImportReader(existing, keep_missing=missing == "stay")
    for at, item in enumerate(given):
        reader.read(at, item)
    _refuse(reader.problems)
    listed = {draft.collection.id for draft in reader.drafts}
    others = [one for one in existing if one.id not in listed and (one.system or missing != "go")]
    read, problems = check_together(reader.drafts, others, reader.aliases)
    _refuse(problems)
    after = {collection.id: collection for collection in (*others, *read)}
    first = [after.pop(one.id) for one in existing if one.id in after]
    return (*first, *after.values())


def _refuse(problems: Mapping[int, Problem | Problems]) -> None:
    if problems:
        raise ValidationFailed({"collections": {str(at): found for at, found in sorted(problems.items())}})


class _ImportReader:
    """Reads the collections of an import one after the other, and notes what is wrong."""

    def __init__(self, existing: Sequence[Collection], *, keep_missing: bool) -> None:
        self._by_id = {one.id: one for one in existing}
        self._by_name = {one.name.lower(): one for one in existing}
        self._keep_missing = keep_missing
        self._read: set[str] = set()
        self.drafts: list[Draft] = []
        self.aliases: dict[str, str] = {}
        self.problems: dict[int, Problem | Problems] = {}

    def read(self, at: int, item: Any) -> None:
        """Read the collection at a place of the list."""
        if not isinstance(item, Mapping):
            self.problems[at] = Problem(INVALID, "Must be an object.")
            return
        given = cast(Mapping[str, Any], item)
        id, name = given.get("id"), given.get("name")
        known = self._by_id.get(id) if isinstance(id, str) else None
        if known is None and isinstance(name, str):
            known = self._by_name.get(name.lower())
        if known is not None and known.id in self._read:
            self.problems[at] = {"name": Problem("validation_collection_name_exists", "It is in the list twice.")}
            return
        if known is not None and isinstance(id, str):
            self.aliases[id] = known.id
            given = {**given, "id": known.id}
        draft = read_draft(
            given,
            existing=known,
            keep_missing=self._keep_missing,
            taken_ids=frozenset(self._by_id) | self._read,
        )
        self._read.add(draft.collection.id)
        self.drafts.append(draft)
        if draft.problems:
            self.problems[at] = draft.problems
