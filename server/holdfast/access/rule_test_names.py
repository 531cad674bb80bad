"""Rule tests follow the names of the fields and collections that they speak of. Pure.

Filters in the query of a test are texts of their author and do not follow: the test fails, which is said before the
change is made.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.access.rule_test import RuleTest
from holdfast.catalog.snapshot import Catalog
from holdfast.schema.collection import Collection
from holdfast.schema.renames import new_names

_MODIFIERS: Final = "+-"  # `tags+`, `-tags`: how a body adds to a field and takes from it
_Record = Mapping[str, Any]


def with_new_names(test: RuleTest, old: Catalog, new: Catalog) -> RuleTest:
    """The test as it speaks of the same fields and collections by their new names; the same one if none has one."""
    given: dict[str, tuple[_Record, ...]] = {}
    for name, records in test.given.items():
        before, after = _states(old.find(name), new)
        given[_following(name, before, after)] = tuple(_renamed(record, before, after) for record in records)
    question = test.question
    before, after = _states(old.by_id.get(test.collection_id), new)
    body = _renamed(question.body, before, after)
    asker = question.asker
    name = _following(asker.collection, *_states(old.find(asker.collection), new))
    asker = msgspec.structs.replace(asker, collection=name, role=_role_following(asker.role, old, new))
    question = msgspec.structs.replace(question, body=body, asker=asker)
    found = msgspec.structs.replace(test, question=question, given=given)
    return test if found == test else found


def _states(old: Collection | None, new: Catalog) -> tuple[Collection | None, Collection | None]:
    """A collection before and after."""
    return old, None if old is None else new.by_id.get(old.id)


def _following(name: str, before: Collection | None, after: Collection | None) -> str:
    """The name that a collection has now, where it was called by its name."""
    return name if before is None or after is None or name != before.name else after.name


def _role_following(name: str, old: Catalog, new: Catalog) -> str:
    """The name that a role has now, where it was called by its name."""
    before = old.role(name) if name else None
    after = None if before is None else new.roles_by_id.get(before.id)
    return name if before is None or after is None or name != before.name else after.name


def _renamed(record: _Record, before: Collection | None, after: Collection | None) -> _Record:
    if before is None or after is None or before is after:
        return record
    names = new_names(before, after)
    return {_key(key, names): value for key, value in record.items()} if names else record


def _key(key: str, names: Mapping[str, str]) -> str:
    bare = key.strip(_MODIFIERS)
    return key.replace(bare, names[bare]) if bare in names else key
