"""All collections as an import makes them."""

from collections.abc import Mapping
from typing import Any

import pytest

from holdfast.errors import Problems, ValidationFailed
from holdfast.schema.collection import Collection
from holdfast.schema.reading import read_collections
from holdfast.schema.relation import RelationField
from holdfast.schema.rendering import collection_json
from holdfast.schema.system import system_collections

SYSTEM = system_collections()


def codes(found: Problems, path: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, inner in found.items():
        here = f"{path}.{key}".lstrip(".")
        flat |= codes(inner, here) if isinstance(inner, Mapping) else {here: inner.code}
    return flat


def collection(name: str, *fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "fields": list(fields), **more}


def relation(name: str, target: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "relation", "collectionId": target, **more}


def by_name(collections: tuple[Collection, ...]) -> dict[str, Collection]:
    return {one.name: one for one in collections}


def test_relations_between_new_collections_go_by_id_or_by_name() -> None:
    given = [
        collection("posts", relation("author", "authors"), relation("tag", "tagsid")),
        collection("authors", relation("best", "posts")),
        collection("tags", id="tagsid"),
    ]
    found = by_name(read_collections(given, existing=SYSTEM))
    targets = {
        field.name: field.collection_id
        for one in (found["posts"], found["authors"])
        for field in one.fields
        if isinstance(field, RelationField)
    }
    assert targets == {"author": found["authors"].id, "tag": "tagsid", "best": found["posts"].id}


def test_the_present_ones_keep_their_place_and_new_ones_follow() -> None:
    found = read_collections([collection("b"), collection("a")], existing=SYSTEM)
    assert [one.name for one in found] == [*(one.name for one in SYSTEM), "b", "a"]


def test_what_is_not_listed_stays() -> None:
    before = read_collections([collection("a", {"name": "x", "type": "text"}), collection("b")], existing=SYSTEM)
    after = by_name(read_collections([collection("a", {"name": "y", "type": "text"})], existing=before))
    assert [field.name for field in after["a"].fields] == ["id", "y", "x"]
    assert "b" in after


def test_fields_that_are_not_listed_can_go_alone() -> None:
    text = {"type": "text"}
    before = read_collections([collection("a", {"name": "x", **text}), collection("b")], existing=SYSTEM)
    after = by_name(read_collections([collection("a", {"name": "y", **text})], existing=before, missing="fields go"))
    assert [field.name for field in after["a"].fields] == ["id", "y"]
    assert after["b"] == by_name(before)["b"]


def test_with_delete_missing_all_goes_that_is_not_listed_but_the_systems() -> None:
    before = read_collections([collection("a", {"name": "x", "type": "text"}), collection("b")], existing=SYSTEM)
    after = by_name(read_collections([collection("a")], existing=before, missing="go"))
    assert set(after) == {"a", *(one.name for one in SYSTEM if one.system)}
    assert [field.name for field in after["a"].fields] == ["id"]


def test_a_collection_is_found_by_its_name_under_another_id() -> None:
    given = [
        {**collection_json(SYSTEM[1]), "id": "elsewhere"},
        collection("posts", relation("author", "elsewhere")),
    ]
    found = by_name(read_collections(given, existing=SYSTEM))
    author = found["posts"].by_name["author"]
    assert found["users"] == SYSTEM[1]
    assert isinstance(author, RelationField)
    assert author.collection_id == SYSTEM[1].id


def test_an_export_imported_again_changes_nothing() -> None:
    before = read_collections([collection("a", relation("b", "b")), collection("b")], existing=SYSTEM)
    assert read_collections([collection_json(one) for one in before], existing=before, missing="go") == before


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param([5], {"collections.0": "validation_invalid_value"}, id="no-object"),
        pytest.param([{"type": "base"}], {"collections.0.name": "validation_required"}, id="no-name"),
        pytest.param(
            [collection("a"), collection("A")],
            {"collections.1.name": "validation_collection_name_exists"},
            id="name-twice",
        ),
        pytest.param(
            [collection("users"), collection("USERS")],
            {"collections.1.name": "validation_collection_name_exists"},
            id="present-one-twice",
        ),
        pytest.param(
            [collection("a", id="same"), collection("b", id="same")],
            {"collections.1.id": "validation_not_unique"},
            id="id-twice",
        ),
        pytest.param(
            [collection("a"), collection("b", {"name": "x", "type": "text"}, relation("r", "nowhere"))],
            {"collections.1.fields.1.collectionId": "validation_field_relation_missing_collection"},
            id="relation-to-nowhere",
        ),
        pytest.param(
            [collection("a", relation("b", "b", required=True)), collection("b", relation("a", "a", required=True))],
            {
                "collections.0.fields.0.required": "validation_required_relation_cycle",
                "collections.1.fields.0.required": "validation_required_relation_cycle",
            },
            id="circle",
        ),
        pytest.param(
            [
                collection("a", indexes=["CREATE INDEX i ON a (id)"]),
                collection("b", indexes=["CREATE INDEX i ON b (id)"]),
            ],
            {"collections.1.indexes.0": "validation_existing_index_name"},
            id="index-name-twice",
        ),
    ],
)
def test_what_is_wrong_is_named_by_place(given: list[Any], found: dict[str, str]) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        read_collections(given, existing=SYSTEM)
    assert codes(refusal.value.data) == found


def test_a_relation_to_a_collection_that_the_import_deletes_is_refused() -> None:
    before = read_collections([collection("a"), collection("b")], existing=SYSTEM)
    with pytest.raises(ValidationFailed) as refusal:
        read_collections([collection("b", relation("a", "a"))], existing=before, missing="go")
    assert codes(refusal.value.data) == {
        "collections.0.fields.0.collectionId": "validation_field_relation_missing_collection"
    }
