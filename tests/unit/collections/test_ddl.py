"""Differences of collections, and the statements that they become."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.ddl import table_steps
from holdfast.collections.diff import Changes
from holdfast.collections.keeping import trash_id
from holdfast.collections.plan import Weighed, make_plan
from holdfast.db.sql import inline
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField

TITLE = TextField(id="t1", name="title")
COUNT = NumberField(id="n1", name="count")
AUTHORS = Collection(id="c_authors", name="authors", fields=(id_field(), TextField(id="t2", name="name")), events=False)


def posts(*fields: Field, **more: Any) -> Collection:
    """A collection without events, unless they are asked for: what captures them has tests of its own."""
    name, events = more.pop("name", "posts"), more.pop("events", False)
    return Collection(id="c_posts", name=name, fields=(id_field(), *fields), events=events, **more)


def steps(old: tuple[Collection, ...], new: tuple[Collection, ...]) -> list[tuple[str, str]]:
    changes = Changes(Catalog.of(1, old), Catalog.of(1, new))
    return [(step.action, inline(step.sql)) for step in table_steps(changes, ())]


def sql(old: tuple[Collection, ...], new: tuple[Collection, ...]) -> list[str]:
    return [text for _, text in steps(old, new)]


def test_nothing_changed_is_nothing_to_do():
    assert steps((posts(TITLE),), (posts(TITLE),)) == []


def test_rules_and_options_need_no_statement():
    changed = posts(msgspec.structs.replace(TITLE, max=5, required=True, help="h"), list_rule="", cache_ttl=5)
    assert steps((posts(TITLE),), (changed,)) == []


def test_a_new_collection_is_one_statement():
    assert sql((), (posts(TITLE, COUNT),)) == [
        'CREATE TABLE public."posts" ("id" text NOT NULL CONSTRAINT "hf_pk_c_posts" PRIMARY KEY,'
        ' "title" text DEFAULT \'\' NOT NULL, "count" double precision DEFAULT 0 NOT NULL)'
    ]


def test_a_rename_is_a_rename():
    new = posts(msgspec.structs.replace(TITLE, name="headline", unique=True), name="articles")
    assert sql((posts(msgspec.structs.replace(TITLE, unique=True)),), (new,)) == [
        'ALTER TABLE public."posts" RENAME TO "articles"',
        'ALTER TABLE public."articles" RENAME COLUMN "title" TO "headline"',
    ]


def test_names_that_change_places_pass_through_one_that_nobody_has():
    a, b = TextField(id="a", name="a"), TextField(id="b", name="b")
    swapped = (msgspec.structs.replace(a, name="b"), msgspec.structs.replace(b, name="a"))
    assert sql((posts(a, b),), (posts(*swapped),)) == [
        'ALTER TABLE public."posts" RENAME COLUMN "a" TO "hf_move_a"',
        'ALTER TABLE public."posts" RENAME COLUMN "b" TO "hf_move_b"',
        'ALTER TABLE public."posts" RENAME COLUMN "hf_move_a" TO "b"',
        'ALTER TABLE public."posts" RENAME COLUMN "hf_move_b" TO "a"',
    ]


def test_a_dropped_field_is_copied_first():
    actions = steps((posts(TITLE, COUNT),), (posts(TITLE),))
    assert [action for action, _ in actions] == ["keep_field", "drop_field"]
    assert actions[1][1] == 'ALTER TABLE public."posts" DROP COLUMN "count"'


def test_a_dropped_collection_moves_with_its_indexes_and_leaves_its_ties():
    author = RelationField(id="r1", name="author", collection_id="c_authors")
    indexed = posts(TITLE, author, indexes=("CREATE INDEX `i` ON `posts` (`title`)",))
    id = trash_id((), "collection", indexed)
    assert sql((AUTHORS, indexed), (AUTHORS,)) == [
        'ALTER TABLE public."posts" DROP CONSTRAINT "hf_fk_c_posts_r1"',
        f'ALTER INDEX public."hf_pk_c_posts" RENAME TO "hf_{id}_0"',
        f'ALTER INDEX public."hf_ix_c_posts_r1" RENAME TO "hf_{id}_1"',
        f'ALTER INDEX public."i" RENAME TO "hf_{id}_2"',
        f'ALTER TABLE public."posts" RENAME TO "hf_{id}"',
        f'ALTER TABLE public."hf_{id}" SET SCHEMA holdfast_trash',
    ]


def test_tables_come_before_what_points_at_them():
    there = RelationField(id="r1", name="there", collection_id="c_b")
    back = RelationField(id="r2", name="back", collection_id="c_a", max_select=5)
    a = Collection(id="c_a", name="a", fields=(id_field(), there), events=False)
    b = Collection(id="c_b", name="b", fields=(id_field(), back), events=False)
    assert [action for action, _ in steps((), (a, b))] == [
        "create_collection", "create_collection", "create_index", "create_relation",
        "create_index", "create_function", "create_trigger", "create_trigger", "create_trigger",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "end"),
    [
        ({}, "ON DELETE SET NULL"),
        ({"required": True}, "ON DELETE NO ACTION"),
        ({"cascade_delete": True}, "ON DELETE CASCADE"),
        ({"cascade_delete": True, "required": True}, "ON DELETE CASCADE"),
    ],
)
def test_what_a_foreign_key_does(options: dict[str, Any], end: str):
    author = RelationField(id="r1", name="author", collection_id="c_authors", **options)
    assert sql((AUTHORS,), (AUTHORS, posts(author)))[-1] == (
        'ALTER TABLE public."posts" ADD CONSTRAINT "hf_fk_c_posts_r1" FOREIGN KEY ("author")'
        f' REFERENCES public."authors" (id) {end} DEFERRABLE INITIALLY IMMEDIATE'
    )


def test_a_renamed_target_needs_its_triggers_again_and_nothing_else():
    readers = RelationField(id="r1", name="readers", collection_id="c_authors", max_select=9)
    writers = msgspec.structs.replace(AUTHORS, name="writers")
    actions = [action for action, _ in steps((AUTHORS, posts(readers)), (writers, posts(readers)))]
    assert actions == [
        "drop_trigger", "drop_trigger", "rename_collection", "create_function", "create_trigger", "create_trigger",
    ]  # fmt: skip


def test_a_function_goes_after_the_trigger_that_calls_it():
    readers = RelationField(id="r1", name="readers", collection_id="c_authors", max_select=9)
    actions = [action for action, _ in steps((AUTHORS, posts(readers)), (AUTHORS, posts()))]
    assert actions[-3:] == ["drop_function", "keep_field", "drop_field"]


def test_a_change_of_type_takes_its_index_along():
    old, new = msgspec.structs.replace(TITLE, unique=True), NumberField(id="t1", name="title", unique=True)
    assert [action for action, _ in steps((posts(old),), (posts(new),))] == [
        "drop_index", "keep_values", "convert_field", "create_index",
    ]  # fmt: skip


def test_nullable_goes_without_a_word_and_comes_back_filled():
    maybe = msgspec.structs.replace(TITLE, nullable=True)
    assert steps((posts(TITLE),), (posts(maybe),)) == [
        (
            "alter_field",
            'ALTER TABLE public."posts" ALTER COLUMN "title" DROP DEFAULT, ALTER COLUMN "title" DROP NOT NULL',
        )
    ]
    actions = steps((posts(maybe),), (posts(TITLE),))
    assert [action for action, _ in actions] == ["keep_values", "alter_field", "convert_field", "alter_field"]
    assert actions[2][1].startswith('UPDATE public."posts" SET "title" = coalesce("title", \'\')')


HOSTILE = ['x"; DROP TABLE users; --', "x'y", "a b", "日本", "$1", "%s", "{0}", "x" * 63]


@pytest.mark.parametrize("word", HOSTILE)
def test_a_hostile_name_is_quoted_in_every_statement(word: str):
    """The schema refuses such names; were one ever let in, it would still be a name and nothing else."""
    field = RelationField(id="r1", name=word, collection_id="c_posts", max_select=3)
    old = posts(TextField(id="t1", name=word), name=word)
    new = posts(field, TITLE, name="plain")
    quoted = '"' + word.replace('"', '""') + '"'
    found = [*sql((), (old,)), *sql((old,), (new,)), *sql((new,), (old,)), *sql((old,), ())]
    named = [text for text in found if word in text]
    assert named
    for text in named:
        literal = "E'" + word.replace("'", "''") + "'"
        table = "E'" + f"public.{quoted}".replace("'", "''") + "'"
        if text.startswith("CREATE OR REPLACE FUNCTION"):
            continue  # its body is a string: what is in it is looked at on PostgreSQL
        bare = text.replace(literal, "").replace(table, "").replace(quoted, "")
        assert word not in bare, text


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: posts(TITLE, COUNT, list_rule=""),
        lambda plan: posts(msgspec.structs.replace(TITLE, max=7), COUNT),
        lambda plan: posts(TITLE),
    ],
    ids=["a rule", "an option", "a field"],
)
def test_any_other_change_has_another_hash(change: Callable[[Any], Collection]):
    old = (posts(TITLE, COUNT),)
    assert plan_of(old, (change(None),)) != plan_of(old, old)
    assert plan_of(old, (change(None),)) == plan_of(old, (change(None),))


def test_a_new_secret_is_no_other_plan():
    one, two = (
        Collection(id="c", name="people", type="auth", fields=(id_field(),), auth={"authToken": {"secret": secret}})
        for secret in ("a", "b")
    )
    assert plan_of((), (one,)) == plan_of((), (two,))


def plan_of(old: tuple[Collection, ...], new: tuple[Collection, ...]) -> str:
    changes = Changes(Catalog.of(1, old), Catalog.of(1, new))
    return make_plan(changes, [Weighed(step) for step in table_steps(changes, ())]).hash


def test_ids_of_the_trash_are_the_same_each_time_and_never_taken():
    taken: set[str] = set()
    for _ in range(5):
        id = trash_id(taken, "field", AUTHORS, TITLE)
        assert id == trash_id(taken, "field", AUTHORS, TITLE)
        assert id not in taken
        taken.add(id)
