"""Names that cannot be here become others, and rules speak of them by these."""

from typing import Any

import msgspec
import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.pocketbase.adopting import with_adopted_ids
from holdfast.pocketbase.names import find_renames, renamed_index, renamed_rule
from holdfast.pocketbase.source_collection import SourceCollection
from holdfast.schema.system import USERS, USERS_ID, system_collections

THERE = {"email": "email", "name": "text", "avatar": "file", "verified": "text"}


def source(name: str, *fields: str, type: str = "base") -> SourceCollection:
    listed: list[dict[str, Any]] = [{"name": field, "type": "text"} for field in fields]
    return SourceCollection(
        id=f"id_{name}"[:20],
        name=name,
        type=type,
        system=False,
        fields=tuple(listed),
        indexes=(),
        rules={},
        options={},
        created="",
        updated="",
        columns=frozenset(),
        digest=b"",
    )


@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("title", "title"),
        ("1st", "f_1st"),
        ("oid", "oid_field"),
        ("expand", "expand_field"),
        ("a_via_b", "a_by_b"),
        ("x" * 90, "x" * 51),
    ],
)
def test_a_field_gets_a_name_that_it_can_have(name: str, new: str) -> None:
    one = source("posts", name)
    assert find_renames([one]).field(one, name) == new


def test_the_roles_of_people_and_those_of_an_app_are_two_things() -> None:
    people, plays = source("people", "roles", type="auth"), source("plays", "title")
    renames = find_renames([people, plays])
    assert renames.field(people, "roles") == "roles_field"
    assert renamed_rule("@request.auth.roles ?= 'roles' // roles", renames) == (
        "@request.auth.roles_field ?= 'roles' // roles"
    )
    assert renamed_rule("@request.query.roles = 1 && plays_via_roles.title != ''", renames) == (
        "@request.query.roles = 1 && plays_via_roles_field.title != ''"
    )


def test_a_rule_that_may_mean_either_is_not_guessed() -> None:
    renames = find_renames([source("people", "roles", type="auth"), source("plays", "roles")])
    assert renamed_rule("@request.auth.roles ?= 'x'", renames) is None
    assert renamed_rule("title = 'roles'", renames) == "title = 'roles'"


@pytest.mark.parametrize(("name", "new"), [("trash", "trash_records"), ("2026", "r_2026"), ("_mine", "mine")])
def test_a_collection_gets_a_name_that_it_can_have(name: str, new: str) -> None:
    one = source(name)
    assert find_renames([one]).collection(one) == new


def test_new_names_keep_clear_of_others() -> None:
    one = source("posts", "oid", "oid_field")
    assert find_renames([one]).field(one, "oid") == "oid_field2"


@pytest.mark.parametrize(
    ("statement", "made"),
    [
        ("CREATE INDEX `idx_a` ON `t` (`a`)", "CREATE INDEX `idx_a` ON `t` (`a`)"),
        ("CREATE UNIQUE INDEX idx-a ON t (`1st`, b)", "CREATE UNIQUE INDEX `spare` ON t (`f_1st`, b)"),
        ("create index if not exists [x y] on t (a)", "create index if not exists `spare` on t (a)"),
    ],
)
def test_an_index_follows_the_names(statement: str, made: str) -> None:
    assert renamed_index(statement, {"1st": "f_1st"}, "spare") == made


def test_fields_that_are_here_already_get_the_ids_of_pocketbases() -> None:
    here = Catalog.of(1, system_collections())
    listed = tuple({"name": name, "type": type, "id": f"_old_{name}_"} for name, type in THERE.items())
    there = msgspec.structs.replace(source(USERS, type="auth"), id=USERS_ID, fields=listed)
    found = with_adopted_ids(here, [there]).by_id[USERS_ID].by_name
    assert (found["email"].id, found["name"].id) == ("_old_email_", "_old_name_")
    # A trigger is called by this one, and this one is of another type.
    assert not {"_old_avatar_", "_old_verified_"} & {field.id for field in found.values()}
    assert with_adopted_ids(here, []) is here
