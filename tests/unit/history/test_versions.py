"""A version of a record is read and shown under the names of today, and says what to write back."""

from typing import Any

import msgspec
import pytest

from holdfast.errors import ValidationFailed
from holdfast.events.remembering import field_of, form, keeps_history, names
from holdfast.history.redaction import Shape, names_of, read_fields
from holdfast.history.revert import differing, read_asked, restored, values_of
from holdfast.history.shown import labels, version_json
from holdfast.history.version import ALL, Version, read_version
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection
from holdfast.schema.decimal import DecimalField
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.number import NumberField
from holdfast.schema.password import PasswordField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField

ID = id_field()
TITLE = TextField(id="t1", name="title")
COUNT = NumberField(id="n1", name="count")
CODE = TextField(id="t2", name="code", hidden=True)


def notes(*fields: Field, **more: Any) -> Collection:
    return Collection(**{"id": "c1", "name": "notes", "history": True, "fields": (ID, *fields), **more})


def version(collection: Collection, record: dict[str, Any], /, **more: Any) -> Version:
    """A version that was written when the collection was like this."""
    row = {
        "id": 7,
        "seq": 70,
        "stamped": "2026-11-21 12:00:00.000Z",
        "action": "updated",
        "follows": "created",
        "record": msgspec.json.encode(record).decode(),
        "previous": None,
        "context": None,
        "redacted": [],
        "names": msgspec.json.encode(names(collection)).decode(),
    }
    return read_version({**row, **more})


@pytest.mark.parametrize(
    ("collection", "kept"),
    [
        pytest.param(notes(), True, id="a history"),
        pytest.param(notes(history=False), False, id="none"),
        pytest.param(notes(events=False), False, id="no events to make it of"),
        pytest.param(notes(type="view"), False, id="a view"),
    ],
)
def test_what_keeps_a_history(collection: Collection, kept: bool):
    assert keeps_history(collection) is kept


def test_a_field_is_known_by_its_id_and_the_type_of_its_column():
    assert [form(one) for one in (TITLE, COUNT)] == ["t1/text", "n1/double precision"]
    assert form(DecimalField(id="d1", name="price", precision=9, scale=2)) == "d1/numeric(9,2)"
    assert field_of("d1/numeric(9,2)") == "d1"


def test_nothing_hidden_has_a_name_in_the_past():
    assert set(names(notes(TITLE, CODE, PasswordField(id="p1", name="word"))).values()) == {"id", "title"}


@pytest.mark.parametrize(
    ("now", "label"),
    [
        pytest.param(notes(TITLE), "title", id="as it was"),
        pytest.param(notes(TextField(id="t1", name="heading")), "heading", id="renamed"),
        pytest.param(notes(COUNT), "title", id="gone"),
        pytest.param(notes(TextField(id="t9", name="title")), "title:t1", id="gone, and its name is another's"),
        pytest.param(notes(NumberField(id="t1", name="heading")), "heading", id="of another type"),
    ],
)
def test_a_field_goes_by_the_name_of_today(now: Collection, label: str):
    assert labels(now, names(notes(TITLE)))["t1/text"] == label


def test_only_what_may_be_read_is_shown():
    then = notes(TITLE, COUNT)
    one = version(then, {"id": "r", "title": "Two", "count": 2}, previous='{"title":"One","count":1}')
    shown = version_json(one, then, frozenset(("t1",)), {})
    assert shown["changed"] == {"title": {"before": "One", "after": "Two"}}
    assert shown["record"] == {"collectionId": "c1", "collectionName": "notes", "title": "Two"}
    assert set(version_json(one, then, None, {})["changed"]) == {"title", "count"}


def test_who_it_was_is_told_as_far_as_the_reader_may_know():
    context = (
        '{"actor":{"kind":"user","collection":"users","id":"u1","name":"ann@example.com","key":"k1"},"request":"r1"}'
    )
    one = version(notes(), {"id": "r"}, context=context)
    assert version_json(one, notes(), frozenset(), {})["actor"] == {"kind": "user", "collection": "users", "id": "u1"}
    assert version_json(one, notes(), None, {})["actor"]["name"] == "ann@example.com"
    assert version_json(one, notes(), None, {})["requestId"] == "r1"


@pytest.mark.parametrize(
    ("action", "follows", "shown", "was"),
    [
        pytest.param("created", None, "created", None, id="created"),
        pytest.param("created", "deleted", "restored", None, id="created again"),
        pytest.param("updated", "created", "updated", {"i/text": "r", "t1/text": "One"}, id="updated"),
        pytest.param("deleted", "updated", "deleted", {"i/text": "r", "t1/text": "One"}, id="deleted"),
    ],
)
def test_what_a_record_was_before_a_version(action: str, follows: str | None, shown: str, was: dict[str, str] | None):
    row = {"action": action, "follows": follows, "names": '{"i/text":"id","t1/text":"title"}'}
    one = version(notes(TITLE), {"id": "r", "title": "Two"}, previous='{"title":"One"}', **row)
    assert (one.action, one.was) == (shown, was)


@pytest.mark.parametrize("record", [None, "[]", "7", '"text"'])
def test_what_is_no_record_has_no_values(record: str | None):
    one = version(notes(TITLE), {}, record=record)
    assert not one.after


def test_what_is_written_back_are_values_of_the_same_type_that_are_no_files_and_no_dates_of_the_server():
    stamp, file = AutodateField(id="a1", name="made", on_create=True), FileField(id="f1", name="paper")
    then = notes(TITLE, COUNT, stamp, file, TextField(id="t3", name="gone"))
    now = notes(TextField(id="t1", name="heading"), NumberField(id="n1", name="count", only_int=True), stamp, file)
    one = version(then, {"id": "r", "title": "One", "count": 1, "made": "", "paper": "x", "gone": "y"})
    assert values_of(one, now, None) == {"heading": "One"}
    assert values_of(one, now, frozenset(("n1",))) == {}


@pytest.mark.parametrize("redacted", [["t1"], [ALL]], ids=["the field", "all"])
def test_a_redacted_value_is_not_written_back(redacted: list[str]):
    one = version(notes(TITLE), {"id": "r", "title": "One"}, redacted=redacted)
    assert values_of(one, notes(TITLE), None) == {}


def test_only_what_differs_is_written():
    now = {"t1/text": "One", "n1/double precision": 1}
    assert differing(notes(TITLE, COUNT), {"title": "One", "count": True}, now) == {"count": True}


def test_an_account_comes_back_with_a_new_password_each_time():
    auth = notes(type="auth")
    one, other = restored(auth, {"title": "One"}), restored(auth, {})
    assert one["password"] == one["passwordConfirm"] != other["password"]
    assert restored(notes(), {"title": "One"}) == {"title": "One"}


@pytest.mark.parametrize(
    ("body", "number"),
    [pytest.param({"version": 7}, 7, id="a number"), pytest.param({"version": "7"}, 7, id="digits")],
)
def test_a_version_is_named_by_its_number(body: Any, number: int):
    assert read_asked(body, set()).version == number


@pytest.mark.parametrize(
    ("body", "key"),
    [
        pytest.param({"version": 7, "bogus": 1}, "bogus", id="another key"),
        pytest.param({"version": 7, "values": {"titel": "x"}}, "values", id="a field that is not there"),
        pytest.param({"version": 7, "values": ["title"]}, "values", id="no object"),
    ],
)
def test_what_a_revert_would_not_heed_is_refused(body: Any, key: str):
    with pytest.raises(ValidationFailed) as caught:
        read_asked(body, {"title"})
    assert set(caught.value.data) == {key}


def test_values_may_be_written_in_every_way_that_a_record_takes_them():
    values = {"title": "x", "tags+": "a", "passwordConfirm": "y"}
    assert read_asked({"version": 7, "values": values}, {"title", "tags", "password"}).values == values


def test_a_field_is_redacted_under_all_the_names_that_it_had():
    old, new = Shape(1, names(notes(TITLE))), Shape(2, names(notes(TextField(id="t1", name="heading"))))
    ids = read_fields({"fields": ["heading"]}, notes(TextField(id="t1", name="heading")), (old, new))
    assert [names_of(shape, ids) for shape in (old, new)] == [["title"], ["heading"]]
    assert names_of(old, [ALL]) == ["title"]
    assert read_fields({"fields": ["title"]}, notes(), (old,)) == ["t1"]


def test_a_field_that_never_was_cannot_be_redacted():
    with pytest.raises(ValidationFailed):
        read_fields({"fields": ["title"]}, notes(), ())
