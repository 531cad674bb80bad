"""Who may do what: the ways in that a collection's rule and the caller's roles open, and the fields that they give."""

import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import Forbidden
from holdfast.identity import GUEST, Principal
from holdfast.rules.access import (
    EVERYTHING,
    Access,
    Audience,
    Grant,
    access,
    audience,
    ways_in,
)
from holdfast.schema.collection import Collection, Rule
from holdfast.schema.role import ACTIONS, Action, Permission, PermissionFields, Role
from holdfast.schema.system import system_collections
from holdfast.schema.text import TextField

TITLE, BODY, SECRET = (TextField(id=name, name=name) for name in ("title", "body", "secret"))
HIDDEN = TextField(id="hidden", name="hidden", hidden=True)
ID = TextField(id="id", name="id")
POSTS = Collection(id="p", name="posts", fields=(ID, TITLE, BODY, HIDDEN), list_rule="a", view_rule="", create_rule="b")
ROLES = (
    Role("r1", "editor", permissions=(Permission("p", ("list", "update"), "c"), Permission("p", ("list",), "d"))),
    Role("r2", "reader", permissions=(Permission("*", ("list",), "", PermissionFields(("title",), ())),)),
    Role("r3", "elsewhere", permissions=(Permission("q", ACTIONS),)),
)
CATALOG = Catalog.of(1, (POSTS, *system_collections()), ROLES)


def sources(found: Access) -> list[tuple[str, str]]:
    return [(grant.source, grant.rule) for grant in found.grants]


@pytest.mark.parametrize(
    ("action", "roles", "ways"),
    [
        ("list", (), [("rule", "a")]),
        ("view", (), [("rule", "")]),
        ("delete", (), []),
        ("list", ("r1",), [("rule", "a"), ("role:editor", "c"), ("role:editor", "d")]),
        ("list", ("r1", "r2"), [("rule", "a"), ("role:editor", "c"), ("role:editor", "d"), ("role:reader", "")]),
        ("update", ("r1", "r2"), [("role:editor", "c")]),
        ("delete", ("r1", "r2", "r3"), []),
        ("list", ("gone",), [("rule", "a")]),
    ],
)
def test_the_ways_in_are_the_rule_and_every_permission_of_every_role(
    action: Action, roles: tuple[str, ...], ways: list[tuple[str, str]]
):
    assert sources(ways_in(CATALOG, POSTS, action, Audience(roles=roles))) == ways


def test_where_nothing_is_open_the_answer_is_that_it_is_forbidden():
    with pytest.raises(Forbidden):
        access(CATALOG, POSTS, "delete", Audience())
    assert access(CATALOG, POSTS, "delete", Audience(superuser=True)) is EVERYTHING


@pytest.mark.parametrize("collection", [one for one in system_collections() if one.system], ids=lambda one: one.name)
def test_a_star_leaves_out_the_collections_of_the_system(collection: Collection):
    assert "role:reader" not in dict(sources(ways_in(CATALOG, collection, "list", Audience(roles=("r2",)))))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), ()),
        (("a",), ("a",)),
        (("a", "b", "a"), ("a", "b")),
        (("a", "", "b"), ("",)),
        ((" a ", "a"), ("a",)),
        (("  ",), ("",)),
    ],
)
def test_rules_widen_each_other(rules: tuple[str, ...], expected: tuple[str, ...]):
    assert Access(tuple(Grant("rule", rule) for rule in rules)).rules == expected


@pytest.mark.parametrize(
    ("grants", "title", "hidden"),
    [
        pytest.param([("a", ["*"])], ("",), (), id="all that is not hidden"),
        pytest.param([("a", ["title"])], ("",), (), id="the one way gives it"),
        pytest.param([("a", ["body"])], (), (), id="no way gives it"),
        pytest.param([("a", ["*"]), ("b", ["body"])], ("a",), (), id="one way of two"),
        pytest.param([("a", ["*"]), ("b", ["title"])], ("",), (), id="both ways"),
        pytest.param([("a", ["*"]), ("", ["title"])], ("",), (), id="a way that is open to all"),
        pytest.param([("a", ["title"]), ("", ["body"])], ("a",), (), id="the way that is open to all does not"),
        pytest.param([("a", ["*", "hidden"]), ("b", ["*"])], ("",), ("a",), id="a hidden field has to be named"),
        pytest.param([("a", ["body"]), ("a", ["title"])], ("",), (), id="two ways by one rule"),
        pytest.param([("a", ["nothing"])], (), (), id="a field that is gone"),
    ],
)
def test_a_field_is_readable_by_the_ways_that_give_it(
    grants: list[tuple[str, list[str]]], title: tuple[str, ...], hidden: tuple[str, ...]
):
    read = Access(tuple(Grant("x", rule, tuple(names), ()) for rule, names in grants))
    write = Access(tuple(Grant("x", rule, (), tuple(names)) for rule, names in grants))
    assert (read.reading(TITLE), read.reading(HIDDEN)) == (title, hidden)
    assert (write.writing(TITLE), write.writing(HIDDEN)) == (title, hidden)
    assert read.reading(ID) == ("",)  # whatever the list says


def test_a_superuser_may_do_everything_with_every_field():
    assert EVERYTHING.is_open
    assert EVERYTHING.rules == EVERYTHING.reading(HIDDEN) == EVERYTHING.writing(HIDDEN) == ("",)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        pytest.param(GUEST, Audience(), id="a guest"),
        pytest.param(Principal("superuser", "c1", "_superusers", "r1"), Audience(superuser=True), id="a superuser"),
        pytest.param(Principal("superuser", key_id="k"), Audience(superuser=True), id="a superuser's key"),
        pytest.param(Principal("user", "c2", "users", "r2"), Audience(collection_id="c2"), id="a user"),
        pytest.param(
            Principal("user", "c2", "users", "another", roles=("r1", "r2"), session_id="s"),
            Audience(collection_id="c2", roles=("r1", "r2")),
            id="a user with roles",
        ),
        pytest.param(Principal("key", key_id="k", roles=("r1",)), Audience(roles=("r1",), key=True), id="a key"),
        pytest.param(Principal("plugin", name="shop"), Audience(superuser=True), id="a plugin"),
    ],
)
def test_an_audience_has_nothing_that_differs_between_its_members(who: Principal, expected: Audience):
    assert audience(who) == expected


@pytest.mark.parametrize(("rule", "is_open"), [(None, False), ("", True), ("a = 1", True)])
def test_a_rule_of_null_is_no_way_in(rule: Rule, is_open: bool):
    collection = Collection(id="c", name="c", list_rule=rule)
    assert ways_in(CATALOG, collection, "list", Audience()).is_open is is_open
