"""Bodies of writes become values: checked, completed, with modifiers, and all problems at once."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from holdfast.errors import Problem, ValidationFailed
from holdfast.http.form import FormValue, Upload
from holdfast.identity import GUEST, Principal
from holdfast.records.given import read_given
from holdfast.records.values import Draft, columns_needed, draft_create, draft_update
from holdfast.rules.access import EVERYTHING, PLAIN, Access
from holdfast.schema.collection import Collection
from holdfast.schema.reading import read_collection
from holdfast.storage.spool import Spooled

ROOT = Principal(kind="superuser", collection="_superusers", record_id="root")
USER = Principal(kind="user", collection="users", collection_id="users", record_id="me")


def collection(*fields: dict[str, Any], type: str = "base") -> Collection:
    return read_collection({"name": "posts", "type": type, "fields": list(fields)}, existing=None, others=())


POSTS = collection(
    {"name": "title", "type": "text", "required": True},
    {"name": "score", "type": "number", "max": 100},
    {"name": "whole", "type": "number", "onlyInt": True},
    {"name": "price", "type": "decimal", "precision": 8, "scale": 2},
    {"name": "tags", "type": "select", "maxSelect": 3, "values": ["a", "b", "c", "d"]},
    {"name": "state", "type": "select", "maxSelect": 1, "values": ["open", "done"], "default": "open"},
    {"name": "flag", "type": "bool"},
    {"name": "meta", "type": "json"},
    {"name": "note", "type": "text", "nullable": True},
    {"name": "due", "type": "date", "default": "@now"},
    {"name": "owner", "type": "text", "default": "@request.auth.id"},
    {"name": "slug", "type": "text", "autogeneratePattern": "post-[0-9]{5}"},
    {"name": "secret", "type": "text", "hidden": True},
    {"name": "pin", "type": "password", "min": 4},
    {"name": "files", "type": "file", "maxSelect": 3},
    {"name": "cover", "type": "file", "maxSelect": 1, "maxSize": 20, "mimeTypes": ["text/plain"]},
    {"name": "created", "type": "autodate", "onCreate": True},
)
PEOPLE = collection(type="auth")


def access_of(who: Principal) -> Access:
    return EVERYTHING if who.is_superuser else PLAIN


def create(body: Mapping[str, Any], who: Principal = ROOT, into: Collection = POSTS) -> Draft:
    return draft_create(into, read_given(into, body, access_of(who)), who)


def update(
    body: Mapping[str, Any],
    old: Mapping[str, object] | None = None,
    who: Principal = ROOT,
    into: Collection = POSTS,
) -> Draft:
    given = read_given(into, body, access_of(who))
    assert columns_needed(into, given, who) == frozenset(old or ())
    return draft_update(into, given, who, "me", old or {})


def created(body: Mapping[str, Any], name: str, who: Principal = ROOT) -> object:
    return create({"title": "t", **body}, who).values[name]


def problems(body: Mapping[str, Any], who: Principal = ROOT, into: Collection = POSTS) -> Mapping[str, str]:
    with pytest.raises(ValidationFailed) as refusal:
        create(body, who, into)
    return codes(refusal.value)


def codes(refusal: ValidationFailed) -> dict[str, str]:
    return {name: problem.code for name, problem in refusal.data.items() if isinstance(problem, Problem)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("score", 0.0),
        ("whole", 0),
        ("price", Decimal("0.00")),
        ("tags", []),
        ("state", "open"),
        ("flag", False),
        ("meta", None),
        ("note", None),
        ("owner", "me"),
        ("secret", ""),
        ("pin", ""),
        ("files", []),
        ("cover", ""),
    ],
)
def test_an_absent_key_is_the_default_or_nothing(name: str, value: object):
    assert created({}, name, USER) == value


def test_an_absent_key_with_the_default_now_is_the_time():
    due = created({}, "due")
    assert isinstance(due, datetime)
    assert abs((datetime.now(UTC) - due).total_seconds()) < 5


def test_null_is_no_absent_key():
    assert created({"state": None}, "state") == ""
    assert created({"note": None}, "note") is None
    assert created({"note": ""}, "note") == ""


def test_ids_and_patterns_are_made_when_absent():
    values = create({"title": "t"}).values
    assert len(str(values["id"])) == 15
    assert str(values["slug"]).startswith("post-")


@pytest.mark.parametrize(
    ("id", "code"),
    [
        pytest.param("short", "validation_min_text_constraint", id="too short"),
        pytest.param("x" * 16, "validation_max_text_constraint", id="too long"),
        pytest.param("ABCDEFGHIJKLMNO", "validation_invalid_format", id="capitals"),
        pytest.param("../../../../etc", "validation_invalid_format", id="a path"),
        pytest.param({"a": 1}, "validation_invalid_value", id="an object"),
    ],
)
def test_an_id_that_does_not_fit_is_refused(id: object, code: str):
    assert problems({"title": "t", "id": id}) == {"id": code}


def test_all_problems_come_at_once():
    assert problems({"score": 101, "tags": ["a", "x"], "flag": "perhaps", "due": "tomorrow", "pin": "1"}) == {
        "title": "validation_required",
        "score": "validation_max_number_constraint",
        "tags": "validation_invalid_value",
        "flag": "validation_invalid_value",
        "due": "validation_invalid_date",
        "pin": "validation_min_text_constraint",
    }


@pytest.mark.parametrize(
    "key", ["collectionId", "collectionName", "expand", "created", "__proto__", "unknown", "title ", "Title", "", "x+"]
)
def test_keys_that_set_nothing_are_left_out(key: str):
    assert set(create({"title": "t", key: "x"}).values) == {
        field.name for field in POSTS.fields if field.type != "autodate"
    }


@pytest.mark.parametrize(("who", "value"), [(ROOT, "x"), (USER, ""), (GUEST, "")])
def test_only_superusers_set_hidden_fields(who: Principal, value: str):
    assert created({"secret": "x"}, "secret", who) == value


def test_a_superuser_can_keep_what_is_hidden_out_of_an_update():
    assert update({"secret": "x"}, who=USER).values == {}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param({"tags+": "a"}, ["a"], id="append to nothing"),
        pytest.param({"tags": ["a"], "tags+": ["b", "a"]}, ["a", "b"], id="append after set, without repetition"),
        pytest.param({"tags": ["a"], "+tags": ["b", "c"]}, ["b", "c", "a"], id="prepend"),
        pytest.param({"tags": ["a", "b"], "tags-": "a"}, ["b"], id="remove"),
        pytest.param({"tags": ["a", "a", "b", ""]}, ["a", "b"], id="duplicates and empty ones"),
        pytest.param({"tags": "a"}, ["a"], id="one value without a list"),
    ],
)
def test_modifiers_of_a_list_in_a_create(body: dict[str, Any], value: list[str]):
    assert created(body, "tags") == value


@pytest.mark.parametrize(
    ("body", "old", "value"),
    [
        pytest.param({"tags+": "b"}, ["a"], ["a", "b"], id="append"),
        pytest.param({"+tags": ["b", "c"]}, ["a"], ["b", "c", "a"], id="prepend"),
        pytest.param({"+tags": ["a", "c"]}, ["a"], ["a", "c"], id="prepend what is there"),
        pytest.param({"tags-": ["a", "x"]}, ["a", "b"], ["b"], id="remove"),
        pytest.param({"tags-": []}, ["a", "b"], ["a", "b"], id="remove nothing"),
        pytest.param({"tags+": "b", "tags-": "a"}, ["a"], ["b"], id="both"),
        pytest.param({"state-": "open"}, "open", "", id="remove the one value"),
        pytest.param({"state-": "done"}, "open", "open", id="remove another value"),
        pytest.param({"state+": "done"}, "open", "done", id="append to one value takes its place"),
        pytest.param({"+state": "done"}, "open", "open", id="prepend to one value stays behind it"),
        pytest.param({"+state": "done"}, "", "done", id="prepend to nothing"),
        pytest.param({"score+": 2.5}, 1.0, 3.5, id="add"),
        pytest.param({"score-": 2}, 1.0, -1.0, id="subtract"),
        pytest.param({"score+": "2"}, 1.0, 3.0, id="add a numeral"),
        pytest.param({"score+": None}, 1.0, 1.0, id="add nothing"),
        pytest.param({"whole+": 3}, 2**52, 2**52 + 3, id="add whole numbers exactly"),
        pytest.param({"price+": "0.10"}, Decimal("0.20"), Decimal("0.30"), id="add decimals exactly"),
        pytest.param({"price-": 0.1}, Decimal("0.20"), Decimal("0.10"), id="subtract a float from a decimal"),
        pytest.param({"files-": "a.txt"}, ["a.txt", "b.txt"], ["b.txt"], id="remove a file"),
        pytest.param({"files": ["b.txt"]}, ["a.txt", "b.txt"], ["b.txt"], id="keep a file"),
        pytest.param({"cover": "a.txt"}, "a.txt", "a.txt", id="keep the one file"),
    ],
)
def test_modifiers_in_an_update(body: dict[str, Any], old: object, value: object):
    name = next(iter(body)).strip("+-")
    assert update(body, {name: old}).values == {name: value}


@pytest.mark.parametrize(
    ("body", "old", "code"),
    [
        pytest.param({"score+": 2}, 99.0, "validation_max_number_constraint", id="past the maximum"),
        pytest.param({"score+": 1e308}, 1.7e308, "validation_not_a_number", id="past all numbers"),
        pytest.param({"score+": 10**400}, 1.0, "validation_not_a_number", id="a number that is none"),
        pytest.param({"score+": "many"}, 1.0, "validation_not_a_number", id="a word"),
        pytest.param({"score+": True}, 1.0, "validation_not_a_number", id="a bool"),
        pytest.param({"score+": [1]}, 1.0, "validation_not_a_number", id="a list"),
        pytest.param({"whole+": 0.5}, 1, "validation_only_int_constraint", id="half of a whole number"),
        pytest.param({"whole+": 2**53}, 1, "validation_out_of_range", id="past what JSON readers know"),
        pytest.param({"price+": "1e5"}, Decimal(999999), "validation_too_many_digits", id="too many digits"),
        pytest.param({"price+": "1e999999"}, Decimal(1), "validation_not_a_number", id="a huge exponent"),
        pytest.param({"price+": "NaN"}, Decimal(1), "validation_not_a_number", id="not a number"),
        pytest.param({"tags+": ["b", "c", "d"]}, ["a"], "validation_too_many_values", id="too many values"),
        pytest.param({"tags+": "x"}, ["a"], "validation_invalid_value", id="a value that is none"),
        pytest.param({"tags+": {"a": 1}}, ["a"], "validation_invalid_value", id="an object"),
        pytest.param({"title+": "x"}, "t", "validation_invalid_modifier", id="a text has no modifiers"),
        pytest.param({"flag-": True}, True, "validation_invalid_modifier", id="a bool has no modifiers"),
        pytest.param({"+score": 1}, 1.0, "validation_invalid_modifier", id="nothing is put before a number"),
        pytest.param({"files+": "c.txt"}, ["a.txt"], "validation_invalid_file", id="a file that was never stored"),
        pytest.param({"cover": "../a"}, "a.txt", "validation_invalid_file", id="a path for a file"),
    ],
)
def test_modifiers_that_lead_nowhere_are_refused(body: dict[str, Any], old: object, code: str):
    name = next(iter(body)).strip("+-")
    with pytest.raises(ValidationFailed) as refusal:
        update(body, {name: old})
    assert codes(refusal.value) == {name: code}


@pytest.mark.parametrize(
    "body",
    [{"title": "x"}, {"tags": ["a"]}, {"tags": [], "tags+": "a"}, {"pin": "12345"}, {"files": [], "cover": ""}, {}],
)
def test_an_update_without_modifiers_needs_nothing_of_the_record(body: dict[str, Any]):
    assert columns_needed(POSTS, read_given(POSTS, body, PLAIN), USER) == frozenset()


def test_an_update_sets_what_was_sent_and_nothing_else():
    assert update({"title": "x", "note": None, "meta": {"a": 1}}).values == {
        "title": "x",
        "note": None,
        "meta": '{"a":1}',
    }


def test_files_are_all_taken_away_without_a_look_at_them():
    assert update({"files": [], "cover": ""}).values == {"files": [], "cover": ""}


def test_a_required_field_cannot_be_emptied():
    with pytest.raises(ValidationFailed) as refusal:
        update({"title": ""})
    assert codes(refusal.value) == {"title": "validation_required"}


def test_the_id_of_a_record_stays():
    assert update({"id": "me"}).values == {}
    with pytest.raises(ValidationFailed) as refusal:
        update({"id": "abcdefghijklmno"})
    assert codes(refusal.value) == {"id": "validation_pk_change"}


@pytest.mark.parametrize(
    ("texts", "name", "value"),
    [
        (("12",), "score", 12.0),
        (("",), "score", 0.0),
        (("0012",), "title", "0012"),
        (("true",), "title", "true"),
        (("true",), "flag", True),
        (("false",), "flag", False),
        (("",), "flag", False),
        (('{"a":[1]}',), "meta", '{"a":[1]}'),
        (("plain words",), "meta", '"plain words"'),
        (("2026-11-20",), "due", datetime(2026, 11, 20, tzinfo=UTC)),
        (("",), "due", None),
        (("a", "b"), "tags", ["a", "b"]),
        (('["a","c"]',), "tags", ["a", "c"]),
        (("",), "tags", []),
        (("1.50",), "price", Decimal("1.50")),
        (("done",), "state", "done"),
    ],
)
def test_what_a_form_says_is_typed_by_the_field(texts: tuple[str, ...], name: str, value: object):
    assert created({name: FormValue(texts)}, name) == value


def test_modifiers_come_in_forms_too():
    assert update(
        {"score+": FormValue(("2",)), "tags-": FormValue(("a", "b"))}, {"score": 1.0, "tags": ["a", "c"]}
    ).values == {
        "score": 3.0,
        "tags": ["c"],
    }


def test_a_file_for_a_field_that_holds_none_is_refused():
    assert problems({"title": FormValue(uploads=(sent("a", b""),))}) == {"title": "validation_invalid_value"}


def sent(filename: str, content: bytes) -> Upload:
    return Upload(filename, "text/plain", Spooled.of(content))


def test_new_files_come_behind_those_that_stay():
    upload = sent("c.txt", b"c")
    body = {"files": FormValue(("b.txt",), (upload,)), "cover": FormValue((), (sent("d.txt", b"d"),))}
    values = update(body, {"files": ["a.txt", "b.txt"]}).values
    assert values["files"] == ["b.txt", upload.name]
    assert re.fullmatch(r"d_[a-z0-9]{10}\.txt", str(values["cover"]))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({"cover": FormValue((), (sent("a", b"x" * 21),))}, "validation_file_size_limit", id="too large"),
        pytest.param(
            {"cover": FormValue((), (sent("a", b"\x89PNG\r\n\x1a\n"),))}, "validation_invalid_mime_type", id="no text"
        ),
        pytest.param(
            {"cover": FormValue((), (sent("a", b"1"), sent("a", b"2")))}, "validation_too_many_files", id="two for one"
        ),
        pytest.param({"cover+": FormValue((), (sent("a", b"<html>"),))}, "validation_invalid_mime_type", id="a page"),
    ],
)
def test_a_file_that_the_field_does_not_take_is_refused(body: dict[str, Any], code: str):
    assert problems({"title": "t", **body}) == {"cover": code}


def test_files_cannot_be_named_in_a_create():
    assert problems({"title": "t", "files": ["stolen.txt"]}) == {"files": "validation_invalid_file"}


def test_passwords_are_to_be_hashed_in_any_collection():
    assert create({"title": "t", "pin": "12345"}).passwords == ("pin",)
    assert create({"title": "t"}).passwords == ()
    assert update({"pin": "12345"}).passwords == ("pin",)


PASSWORD = {"password": "a long one", "passwordConfirm": "a long one"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(
            {}, {"password": "validation_required", "passwordConfirm": "validation_required"}, id="no password"
        ),
        pytest.param({"password": "a long one"}, {"passwordConfirm": "validation_required"}, id="typed once"),
        pytest.param(
            {"password": "a long one", "passwordConfirm": "another"},
            {"passwordConfirm": "validation_values_mismatch"},
            id="typed differently",
        ),
        pytest.param(
            {"password": "short", "passwordConfirm": "short"},
            {"password": "validation_min_text_constraint", "passwordConfirm": None},
            id="short, and the same twice",
        ),
        pytest.param({**PASSWORD, "verified": True}, {"verified": "validation_values_mismatch"}, id="verified"),
        pytest.param({**PASSWORD, "tokenKey": "x" * 40}, {"tokenKey": "validation_not_allowed"}, id="token key"),
        pytest.param({**PASSWORD, "email": "nobody"}, {"email": "validation_is_email"}, id="no email"),
    ],
)
def test_what_a_newcomer_may_not_send(body: dict[str, Any], code: dict[str, str | None]):
    found = dict(problems(body, GUEST, PEOPLE))
    assert {name: found.get(name) for name in code} == code


def test_a_newcomer_gets_a_token_key_and_chooses_an_email():
    draft = create({**PASSWORD, "email": "a@example.com", "verified": False}, GUEST, PEOPLE)
    assert len(str(draft.values["tokenKey"])) >= 30
    assert draft.values["email"] == "a@example.com"
    assert draft.passwords == ("password",)


def test_a_superuser_says_who_is_verified():
    assert create({**PASSWORD, "verified": True}, ROOT, PEOPLE).values["verified"] is True


@pytest.mark.parametrize(
    ("body", "old", "code"),
    [
        pytest.param(
            {"verified": True}, {"verified": False}, {"verified": "validation_values_mismatch"}, id="verified"
        ),
        pytest.param(
            {"email": "b@example.com"},
            {"email": "a@example.com"},
            {"email": "validation_values_mismatch"},
            id="email",
        ),
        pytest.param({"tokenKey": "x" * 40}, {}, {"tokenKey": "validation_not_allowed"}, id="token key"),
        pytest.param(
            {"oldPassword": "a long one"},
            {"password": "hash"},
            {"password": "validation_required", "passwordConfirm": "validation_required"},
            id="an old password alone",
        ),
        pytest.param(
            {"password": "a long one", "passwordConfirm": "different"},
            {"password": "hash"},
            {"passwordConfirm": "validation_values_mismatch"},
            id="a password that differs",
        ),
    ],
)
def test_what_a_user_may_not_change(body: dict[str, Any], old: dict[str, object], code: dict[str, str]):
    with pytest.raises(ValidationFailed) as refusal:
        update(body, old, USER, PEOPLE)
    assert codes(refusal.value) == code


def test_what_stays_as_it_is_may_be_sent():
    body = {"verified": False, "email": "a@example.com", "emailVisibility": True, "password": "", "passwordConfirm": ""}
    draft = update(body, {"verified": False, "email": "a@example.com"}, USER, PEOPLE)
    assert draft.values == {"verified": False, "email": "a@example.com", "emailVisibility": True}
    assert draft.old_password is None


def test_a_user_needs_the_old_password_and_gets_a_new_token_key():
    draft = update({**PASSWORD, "oldPassword": "before"}, {"password": "hash"}, USER, PEOPLE)
    assert draft.old_password == "before"
    assert len(str(draft.values["tokenKey"])) >= 30


def test_without_the_old_password_it_is_checked_all_the_same():
    assert update(PASSWORD, {"password": "hash"}, USER, PEOPLE).old_password == ""


def test_a_superuser_needs_no_old_password():
    draft = update(PASSWORD, {}, ROOT, PEOPLE)
    assert draft.old_password is None
    assert draft.passwords == ("password",)
    assert "tokenKey" in draft.values


def test_an_email_that_is_sent_brings_a_token_key_along():
    draft = update({"email": "b@example.com"}, {}, ROOT, PEOPLE)
    assert draft.values == {"email": "b@example.com"}
    assert len(str(draft.token_key)) >= 30
