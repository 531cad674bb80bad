"""Rule tests follow new names, and nothing else of them changes."""

from typing import Any

import pytest

from holdfast.access.question import Asker, Question
from holdfast.access.rule_test import RuleTest
from holdfast.access.rule_test_names import with_new_names
from holdfast.catalog.snapshot import Catalog
from holdfast.schema.collection import Collection
from holdfast.schema.text import TextField


def catalog(**names: str) -> Catalog:
    """The fields a and b of posts, and users, under other names."""
    fields = tuple(TextField(id=f"f_{name}", name=names.get(name, name)) for name in ("a", "b"))
    posts = Collection(id="c_posts", name=names.get("posts", "posts"), fields=fields)
    users = Collection(id="c_users", name=names.get("users", "users"), type="auth")
    return Catalog(collections=(posts, users))


def case(body: dict[str, Any], given: dict[str, Any] | None = None, collection: str = "users") -> RuleTest:
    question = Question(action="create", asker=Asker(collection=collection, id="u1"), body=body)
    return RuleTest(id="t1", name="it", collection_id="c_posts", question=question, expect="allowed", given=given or {})


@pytest.mark.parametrize(
    ("names", "body", "found"),
    [
        pytest.param({"a": "z"}, {"a": 1, "b": 2}, {"z": 1, "b": 2}, id="one field"),
        pytest.param({"a": "b", "b": "a"}, {"a": 1, "b": 2}, {"b": 1, "a": 2}, id="two that have swapped"),
        pytest.param({"a": "z"}, {"a+": 1, "-a": 2, "+a": 3}, {"z+": 1, "-z": 2, "+z": 3}, id="modifiers"),
        pytest.param({"a": "z"}, {"aa": 1, "c": "a"}, {"aa": 1, "c": "a"}, id="what is no field, and values"),
    ],
)
def test_a_body_follows(names: dict[str, str], body: dict[str, Any], found: dict[str, Any]):
    assert with_new_names(case(body), catalog(), catalog(**names)).question.body == found


def test_records_and_who_asks_follow_too():
    before = case({}, {"posts": ({"a": 1},), "nothing": ({"a": 1},)})
    after = with_new_names(before, catalog(), catalog(a="z", posts="articles", users="people"))
    assert after.given == {"articles": ({"z": 1},), "nothing": ({"a": 1},)}
    assert after.question.asker == Asker(collection="people", id="u1")


def test_a_collection_that_is_called_by_its_id_stays_so():
    before = case({}, {"c_posts": ({"a": 1},)}, "c_users")
    after = with_new_names(before, catalog(), catalog(a="z", posts="articles", users="people"))
    assert (after.given, after.question.asker.collection) == ({"c_posts": ({"z": 1},)}, "c_users")


def test_a_test_of_which_nothing_has_a_new_name_is_the_same():
    before = case({"a": 1}, {"posts": ({"b": 1},)})
    assert with_new_names(before, catalog(), catalog()) is before
