"""Whatever JSON a definition is, it is taken or refused with problems, and never fails otherwise."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as some

from holdfast.errors import ValidationFailed
from holdfast.schema.auth_options import AuthOptions
from holdfast.schema.fields import FIELD_TYPES
from holdfast.schema.reading import read_collection, read_collections
from holdfast.schema.rendering import collection_json
from holdfast.schema.stored import from_stored, to_stored
from holdfast.schema.system import system_collections

SYSTEM = system_collections()
WORDS = some.sampled_from(
    ["", "id", "posts", "users", "a", "A", "email", "text1579384326", "@now", "[a-z]{3}", "(", "2026-01-01", "x" * 70]
)
ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5) | WORDS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
OPTIONS = sorted({option.encode_name for kind in FIELD_TYPES.values() for option in msgspec.structs.fields(kind)})
FIELD = some.fixed_dictionaries(
    {"name": WORDS, "type": some.sampled_from([*FIELD_TYPES, "nope"])},
    optional={option: ANYTHING for option in OPTIONS if option not in ("name", "type")},
)
STATEMENTS = some.lists(
    some.sampled_from(["CREATE", "UNIQUE", "INDEX", "i", "ON", "posts", "(", ")", "id", "a", ",", "WHERE", "=", "'x'"]),
    max_size=14,
).map(" ".join)
KEYS = [*collection_json(SYSTEM[1]), *(option.encode_name for option in msgspec.structs.fields(AuthOptions))]
COLLECTION = some.fixed_dictionaries(
    {"name": WORDS},
    optional={
        **dict.fromkeys((key for key in KEYS if key != "name"), ANYTHING),
        "type": some.sampled_from(["base", "auth", "view"]),
        "fields": some.lists(FIELD, max_size=4),
        "indexes": some.lists(STATEMENTS, max_size=2),
        "viewQuery": WORDS,
    },
)


@settings(max_examples=50, deadline=None)
@given(COLLECTION | some.dictionaries(WORDS, ANYTHING), some.sampled_from([None, *SYSTEM]))
def test_one_definition(given_: dict[str, Any], existing: Any) -> None:
    try:
        made = read_collection(given_, existing=existing, others=SYSTEM)
    except ValidationFailed as refusal:
        assert refusal.data
        assert b"validation_" in msgspec.json.encode(refusal.data)
        return
    assert from_stored(to_stored(made)) == made
    assert read_collection(collection_json(made), existing=made, others=(*SYSTEM, made)) == made


@settings(max_examples=20, deadline=None)
@given(some.lists(COLLECTION | ANYTHING, max_size=2), some.booleans())
def test_an_import(given_: list[Any], delete_missing: bool) -> None:
    try:
        after = read_collections(given_, existing=SYSTEM, missing="go" if delete_missing else "stay")
    except ValidationFailed as refusal:
        assert refusal.data
        return
    assert len({one.id for one in after}) == len(after)
    assert {one.id for one in SYSTEM if one.system} <= {one.id for one in after}
