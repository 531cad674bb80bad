"""What the triggers of a collection are made of."""

import msgspec
import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.parts import capture_part, parts
from holdfast.db.sql import inline
from holdfast.events import capture
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.number import NumberField
from holdfast.schema.password import PasswordField
from holdfast.schema.relation import RelationField
from holdfast.schema.system_fields import id_field, system_fields
from holdfast.schema.text import TextField

TITLE = TextField(id="t1", name="title")


def posts(*fields: Field, **more: object) -> Collection:
    made = Collection(id="c_posts", name="posts", fields=(id_field(), *fields))
    return msgspec.structs.replace(made, **more)


@pytest.mark.parametrize(
    "field",
    [
        TextField(id="s1", name="secret", hidden=True),
        PasswordField(id="p1", name="secret"),
        PasswordField(id="p1", name="secret", hidden=False),
    ],
    ids=["hidden", "password", "password that is not hidden"],
)
def test_what_is_secret_is_not_named(field: Field):
    assert "secret" not in capture.function_body(posts(TITLE, field))


def test_of_an_account_neither_the_password_nor_the_token_key_is_named():
    body = capture.function_body(posts(*system_fields("auth"), type="auth"))
    assert '"email"' in body
    assert "tokenKey" not in body
    assert "password" not in body


@pytest.mark.parametrize(
    "changed",
    [
        posts(TextField(id="t1", name="label")),
        posts(NumberField(id="t1", name="title")),
        posts(TextField(id="t1", name="title", hidden=True)),
        posts(TITLE, TextField(id="t2", name="more", hidden=True)),
        posts(),
    ],
    ids=["renamed", "another type", "hidden", "one more, hidden", "dropped"],
)
def test_the_triggers_are_made_anew_for_what_they_have_to_do_with(changed: Collection):
    assert capture.signature(changed) != capture.signature(posts(TITLE))
    assert capture.function_body(changed) != capture.function_body(posts(TITLE))


def test_a_relation_that_points_elsewhere_takes_the_triggers_off_while_it_is_changed():
    one, other = (RelationField(id="r1", name="to", collection_id=target) for target in ("a", "b"))
    assert capture.signature(posts(one)) != capture.signature(posts(other))


def test_a_rule_or_a_help_text_leaves_them_alone():
    changed = posts(msgspec.structs.replace(TITLE, help="Say what it is."), list_rule="")
    assert capture_part(changed) == capture_part(posts(TITLE))


@pytest.mark.parametrize(
    ("collection", "captured"),
    [(posts(), 1), (posts(events=False), 0), (posts(type="view"), 0)],
    ids=["table", "without events", "view"],
)
def test_tables_are_captured_unless_they_shall_not_be(collection: Collection, captured: int):
    found = parts(Catalog.of(1, [collection]), collection)
    assert len([part for part in found if part.sort == "capture"]) == captured


def test_names_and_texts_are_quoted():
    made = inline(capture.create(posts(TextField(id="t1", name="o'ne"), name='po"sts')))
    assert 'ON public."po""sts"' in made
    assert """AS "o''ne\"""" in made


def test_points_are_compared_as_text_because_they_have_no_equality():
    body = capture.function_body(posts(GeoPointField(id="g1", name="place")))
    assert '"hf old"."place"::text IS DISTINCT FROM "hf new"."place"::text' in body


def test_many_fields_are_joined_in_groups_that_a_function_can_take():
    body = capture.function_body(posts(*(TextField(id=f"t{n}", name=f"field{n}") for n in range(120))))
    assert body.count("concat_ws(") == 4


@pytest.mark.parametrize(
    ("owner", "is_looked_up"),
    [
        (RelationField(id="r1", name="owner", collection_id="a"), True),
        (RelationField(id="r1", name="owner", collection_id="a", cascade_delete=True), False),
        (RelationField(id="r1", name="owner", collection_id="a", required=True), False),
    ],
    ids=["emptied", "goes along", "needed"],
)
def test_the_record_is_looked_up_where_two_changes_of_one_statement_can_overtake_each_other(
    owner: Field, is_looked_up: bool
):
    readers = RelationField(id="r2", name="readers", collection_id="a", max_select=5)
    assert ('"hf now"' in capture.function_body(posts(owner, readers))) == is_looked_up
    assert '"hf now"' not in capture.function_body(posts(owner))
