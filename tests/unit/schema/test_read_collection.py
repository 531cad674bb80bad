"""A collection as one request makes or changes it."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.schema.collection import Collection
from holdfast.schema.number import NumberField
from holdfast.schema.reading import read_collection
from holdfast.schema.relation import RelationField
from holdfast.schema.rendering import collection_json
from holdfast.schema.scaffolds import scaffolds
from holdfast.schema.stored import from_stored, to_stored
from holdfast.schema.system import SUPERUSERS, USERS, system_collections
from holdfast.schema.text import TextField

SYSTEM = system_collections()
TITLE = {"name": "title", "type": "text", "required": True}


def make(given: Mapping[str, Any], existing: Collection | None = None, *others: Collection) -> Collection:
    return read_collection(given, existing=existing, others=(*SYSTEM, *others))


def problems(given: Mapping[str, Any], existing: Collection | None = None, *others: Collection) -> dict[str, str]:
    """The codes of all that is wrong, by path."""
    with pytest.raises(ValidationFailed) as refusal:
        make(given, existing, *others)
    return flat(refusal.value.data)


def flat(found: Problems, path: str = "") -> dict[str, str]:
    codes: dict[str, str] = {}
    for key, inner in found.items():
        here = f"{path}.{key}".lstrip(".")
        codes |= flat(inner, here) if isinstance(inner, Mapping) else {here: inner.code}
    return codes


def posts(*fields: Mapping[str, Any], **more: Any) -> Collection:
    return make({"name": "posts", "fields": list(fields or [TITLE]), **more})


def names(collection: Collection) -> list[str]:
    return [field.name for field in collection.fields]


def test_a_new_collection_gets_an_id_and_the_field_id() -> None:
    collection = posts()
    assert collection.id == "pbc_1125843985"
    assert [(field.id, field.name) for field in collection.fields] == [
        ("text3208210256", "id"),
        ("text724990059", "title"),
    ]
    assert collection.list_rule is None


def test_an_auth_collection_gets_what_a_login_needs() -> None:
    people = make({"name": "people", "type": "auth"})
    assert names(people) == ["id", "password", "tokenKey", "email", "emailVisibility", "verified", "roles"]
    assert people.indexes == (
        f"CREATE UNIQUE INDEX `idx_tokenKey_{people.id}` ON `people` (`tokenKey`)",
        f"CREATE UNIQUE INDEX `idx_email_{people.id}` ON `people` (`email` COLLATE NOCASE) WHERE `email` != ''",
    )
    assert len(people.auth["authToken"]["secret"]) == 50
    assert people.auth["authToken"]["duration"] == 604_800


def test_a_view_takes_no_fields_from_the_request() -> None:
    view = make({"name": "totals", "type": "view", "viewQuery": "SELECT id FROM posts", "fields": [TITLE]})
    assert view.fields == ()
    assert view.view_query == "SELECT id FROM posts"


def test_unknown_keys_of_fields_are_ignored() -> None:
    assert posts(TITLE | {"colour": "red"}) == posts()


@pytest.mark.parametrize(
    ("key", "meant"),
    [("listrule", "listRule"), ("list_rule", "listRule"), ("feilds", "fields"), ("viewquery", "viewQuery")],
)
def test_a_misspelt_key_is_refused_with_the_one_that_was_meant(key: str, meant: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        posts(**{key: ""})
    problem = refusal.value.data[key]
    assert isinstance(problem, Problem)
    assert (problem.code, problem.message) == (
        "validation_unknown_key",
        f"There is no such key here; perhaps {meant} was meant.",
    )


def test_a_key_that_is_like_none_is_refused_as_well() -> None:
    with pytest.raises(ValidationFailed) as refusal:
        posts(colour="red")
    assert str(refusal.value.data["colour"]).endswith("message='There is no such key here.')")


@pytest.mark.parametrize("type", ["base", "auth"])
def test_what_was_read_can_be_sent_back(type: str) -> None:
    before = make({"name": "things", "type": type, "fields": [TITLE]})
    assert make(collection_json(before), before) == before


def test_options_of_an_auth_collection_mean_nothing_for_others_and_are_no_mistake() -> None:
    assert posts(authRule="", oauth2={"enabled": False}, plan=None, ruleTests=None) == posts()


def test_only_given_keys_change() -> None:
    before = posts(listRule="", comment="Articles")
    after = make({"viewRule": ""}, before)
    assert after == msgspec.structs.replace(before, view_rule="")


def test_a_rename_keeps_the_fields_id() -> None:
    before = posts(TITLE, {"name": "views", "type": "number"})
    after = make({"fields": [{"id": before.by_name["title"].id, "name": "headline", "type": "text"}]}, before)
    assert names(after) == ["id", "headline"]
    assert after.fields[1].id == before.by_name["title"].id


def test_a_field_without_an_id_is_found_by_its_name() -> None:
    before = posts({"id": "mine", **TITLE})
    assert make({"fields": [TITLE | {"max": 9}]}, before).by_name["title"].id == "mine"


def test_a_field_may_change_its_type() -> None:
    before = posts(TITLE)
    after = make({"fields": [{"id": before.fields[1].id, "name": "title", "type": "number"}]}, before)
    assert isinstance(after.fields[1], NumberField)
    assert after.fields[1].id == before.fields[1].id


def test_options_that_are_not_given_go_back_to_their_default() -> None:
    before = posts(TITLE | {"max": 9})
    after = make({"fields": [{"name": "title", "type": "text"}]}, before)
    assert after.by_name["title"] == TextField(id=before.fields[1].id, name="title")


def test_a_new_field_never_gets_the_id_of_another() -> None:
    before = posts(TITLE)
    renamed = {"id": before.fields[1].id, "name": "old_title", "type": "text"}
    after = make({"fields": [renamed, {"name": "title", "type": "text"}]}, before)
    assert len({field.id for field in after.fields}) == 3


def test_a_new_collection_never_gets_the_id_of_another() -> None:
    renamed = make({"name": "articles"}, posts())
    again = make({"name": "posts"}, None, renamed)
    assert again.id != renamed.id


def test_fields_may_swap_names() -> None:
    before = posts(TITLE, {"name": "body", "type": "text"})
    title, body = before.fields[1].id, before.fields[2].id
    swapped = [{"id": title, "name": "body", "type": "text"}, {"id": body, "name": "title", "type": "text"}]
    after = make({"fields": swapped}, before)
    assert [(field.id, field.name) for field in after.fields[1:]] == [(title, "body"), (body, "title")]


def test_what_depends_on_a_field_follows_its_new_name_and_goes_with_it() -> None:
    body = {"name": "body", "type": "text"}
    before = posts(
        TITLE, body, indexes=["CREATE INDEX a ON posts (title)", "CREATE INDEX b ON posts (body)"], searchable=["title"]
    )
    after = make({"fields": [{"id": before.by_name["title"].id, "name": "headline", "type": "text"}]}, before)
    assert after.indexes == ("CREATE INDEX `a` ON `posts` (`headline`)",)
    assert after.searchable == ("headline",)


def test_indexes_follow_a_renamed_collection() -> None:
    before = posts(indexes=["CREATE INDEX a ON posts (title)"])
    assert make({"name": "articles"}, before).indexes == ("CREATE INDEX `a` ON `articles` (`title`)",)


def test_system_fields_that_are_left_out_stay() -> None:
    users = SYSTEM[1]
    after = make({"fields": [{"name": "name", "type": "text"}]}, users)
    assert names(after) == ["id", "password", "tokenKey", "email", "emailVisibility", "verified", "roles", "name"]
    assert after.by_name["password"] == users.by_name["password"]


def test_a_system_field_that_is_left_out_stays_where_it_was() -> None:
    users = SYSTEM[1]
    # What a client of PocketBase sends, which knows nothing of roles.
    system = [one for one in users.fields if one.system]
    sent = [{"id": one.id, "name": one.name, "type": one.type} for one in system if one.name != "roles"]
    after = make({"fields": [*sent, TITLE]}, users)
    assert names(after) == [*(one.name for one in system), "title"]


def test_a_relation_may_name_its_target() -> None:
    author = {"name": "author", "type": "relation", "collectionId": "users"}
    field = posts(author).by_name["author"]
    assert isinstance(field, RelationField)
    assert field.collection_id == "_pb_users_auth_"


def test_a_relation_may_point_at_its_own_collection() -> None:
    parent = {"name": "parent", "type": "relation", "collectionId": "posts"}
    collection = posts(parent)
    field = collection.by_name["parent"]
    assert isinstance(field, RelationField)
    assert field.collection_id == collection.id


def test_secrets_go_in_and_never_out() -> None:
    secret = "s" * 40
    provider = {"name": "github", "clientId": "us", "clientSecret": "hush"}
    people = make(
        {"name": "people", "type": "auth", "authToken": {"secret": secret}, "oauth2": {"providers": [provider]}}
    )
    assert people.auth["authToken"] == {"duration": 604_800, "secret": secret, "algorithm": "HS256"}
    shown = msgspec.json.encode(collection_json(people)).decode()
    assert "hush" not in shown
    assert '"secret"' not in shown
    sent_back = make(msgspec.json.decode(shown), people)
    assert sent_back == people


@pytest.mark.parametrize("type", ["base", "auth", "view"])
def test_a_scaffold_is_a_good_start(type: str) -> None:
    scaffold = scaffolds()[type] | {"name": "things", "viewQuery": "SELECT 1 AS id"}
    assert make(scaffold).type == type


@pytest.mark.parametrize("collection", SYSTEM, ids=lambda collection: collection.name)
def test_what_the_api_shows_changes_nothing_when_it_is_sent_back(collection: Collection) -> None:
    assert make(collection_json(collection), collection) == collection


@pytest.mark.parametrize("collection", [*SYSTEM, posts()], ids=lambda collection: collection.name)
def test_a_collection_survives_the_catalog(collection: Collection) -> None:
    assert from_stored(to_stored(collection)) == collection


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param({}, {"name": "validation_required"}, id="no-name"),
        pytest.param({"name": 5}, {"name": "validation_invalid_value"}, id="name-that-is-no-string"),
        pytest.param({"name": "USERS"}, {"name": "validation_collection_name_exists"}, id="name-taken"),
        pytest.param({"name": "pbc_3142635823"}, {"name": "validation_collection_name_id_duplicate"}, id="name-is-id"),
        pytest.param(
            {"name": "x", "id": "users"}, {"id": "validation_collection_name_id_duplicate"}, id="id-is-another-name"
        ),
        pytest.param({"name": "x", "id": "a b"}, {"id": "validation_match_invalid"}, id="bad-id"),
        pytest.param({"name": "x", "id": "_pb_users_auth_"}, {"id": "validation_not_unique"}, id="id-taken"),
        pytest.param({"name": "x", "type": "table"}, {"type": "validation_invalid_value"}, id="type"),
        pytest.param({"name": "x", "type": ["auth"]}, {"type": "validation_invalid_value"}, id="type-list"),
        pytest.param({"name": "x", "listRule": 5}, {"listRule": "validation_invalid_value"}, id="rule"),
        pytest.param({"name": "x", "listRule": "id ="}, {"listRule": "validation_invalid_rule"}, id="rule-grammar"),
        pytest.param(
            {"name": "x", "type": "auth", "authRule": "((", "mfa": {"rule": "||"}},
            {"authRule": "validation_invalid_rule", "mfa.rule": "validation_invalid_rule"},
            id="auth-rules",
        ),
        pytest.param({"name": "x", "events": "yes"}, {"events": "validation_invalid_value"}, id="events"),
        pytest.param({"name": "x", "cacheTtl": -1}, {"cacheTtl": "validation_out_of_range"}, id="cache"),
        pytest.param({"name": "x", "comment": "x" * 2001}, {"comment": "validation_length_out_of_range"}, id="comment"),
        pytest.param({"name": "x", "comment": "a\0"}, {"comment": "validation_invalid_json"}, id="comment-nul"),
        pytest.param({"name": "x", "searchable": ["y"]}, {"searchable": "validation_missing_field"}, id="search"),
        pytest.param({"name": "x", "fields": {}}, {"fields": "validation_invalid_value"}, id="fields-object"),
        pytest.param({"name": "x", "fields": [5]}, {"fields.0": "validation_invalid_value"}, id="field-number"),
        pytest.param(
            {"name": "x", "fields": [{"name": "a"}]}, {"fields.0.type": "validation_required"}, id="field-no-type"
        ),
        pytest.param(
            {"name": "x", "fields": [{"name": "a", "type": "colour"}]},
            {"fields.0.type": "validation_invalid_value"},
            id="field-unknown-type",
        ),
        pytest.param(
            {"name": "x", "fields": [{"type": "text"}]}, {"fields.0.name": "validation_required"}, id="field-no-name"
        ),
        pytest.param(
            {"name": "x", "fields": [TITLE, {"name": "TITLE", "type": "text"}]},
            {"fields.1.name": "validation_duplicated_field_name"},
            id="field-twice",
        ),
        pytest.param(
            {"name": "x", "fields": [{"name": "ID", "type": "text"}]},
            {"fields.0.name": "validation_duplicated_field_name"},
            id="field-like-id",
        ),
        pytest.param(
            {"name": "x", "fields": [{"id": "a", **TITLE}, {"id": "a", "name": "b", "type": "text"}]},
            {"fields.1.id": "validation_duplicated_field_id"},
            id="field-id-twice",
        ),
        pytest.param(
            {"name": "x", "fields": [{"name": "id", "type": "number"}]},
            {"fields.0.type": "validation_system_field_change"},
            id="id-of-another-type",
        ),
        pytest.param(
            {"name": "x", "fields": [{"id": "text3208210256", "name": "key", "type": "text"}]},
            {"fields.0.name": "validation_system_field_change"},
            id="id-renamed",
        ),
        pytest.param(
            {"name": "x", "type": "auth", "fields": [{"name": "password", "type": "password", "hidden": False}]},
            {"fields.0.hidden": "validation_system_field_change"},
            id="password-shown",
        ),
        pytest.param(
            {"name": "x", "type": "auth", "fields": [{"name": "roles", "type": "json"}]},
            {"fields.0.type": "validation_system_field_change"},
            id="roles",
        ),
        pytest.param(
            {"name": "x", "type": "auth", "fields": [{"name": "roles", "type": "select", "values": ["a"]}]},
            {"fields.0.values": "validation_system_field_change"},
            id="roles-of-ones-own",
        ),
        pytest.param(
            {"name": "x", "type": "auth", "fields": [{"name": "roles", "type": "select", "maxSelect": 1}]},
            {"fields.0.maxSelect": "validation_system_field_change"},
            id="one-role",
        ),
        pytest.param(
            {"name": "x", "fields": [TITLE | {"max": "9", "hidden": 1, "pattern": "("}]},
            {"fields.0.max": "validation_invalid_value", "fields.0.hidden": "validation_invalid_value"},
            id="field-options-of-wrong-types",
        ),
        pytest.param(
            {"name": "x", "fields": [{"name": "n", "type": "number", "max": 1e999}]},
            {"fields.0.max": "validation_not_a_number"},
            id="infinity",
        ),
        pytest.param(
            {"name": "x", "fields": [{"name": "r", "type": "relation", "collectionId": "nowhere"}]},
            {"fields.0.collectionId": "validation_field_relation_missing_collection"},
            id="relation-to-nowhere",
        ),
        pytest.param(
            {"name": "x", "fields": [{"name": "r", "type": "relation", "collectionId": "x", "required": True}]},
            {"fields.0.required": "validation_required_relation_cycle"},
            id="required-relation-to-itself",
        ),
        pytest.param(
            {"name": "x", "indexes": ["CREATE INDEX a ON x (id)", "DROP TABLE x"]},
            {"indexes.1": "validation_invalid_index_expression"},
            id="index",
        ),
        pytest.param({"name": "x", "indexes": "CREATE"}, {"indexes": "validation_invalid_value"}, id="index-string"),
        pytest.param(
            {"name": "x", "indexes": ["CREATE INDEX a ON x (id)", "CREATE INDEX A ON x (id)"]},
            {"indexes.1": "validation_duplicated_index_name"},
            id="index-twice",
        ),
        pytest.param(
            {"name": "x", "indexes": ["CREATE INDEX idx_email__pb_users_auth_ ON x (id)"]},
            {"indexes.0": "validation_existing_index_name"},
            id="index-of-another-collection",
        ),
        pytest.param(
            {"name": "x", "indexes": ["CREATE INDEX users ON x (id)"]},
            {"indexes.0": "validation_existing_index_name"},
            id="index-like-a-table",
        ),
        pytest.param({"name": "x", "type": "view"}, {"viewQuery": "validation_required"}, id="view-no-query"),
        pytest.param(
            {"name": "x", "type": "view", "viewQuery": "SELECT 1", "createRule": "", "indexes": ["CREATE"]},
            {"createRule": "validation_nil", "indexes": "validation_indexes_not_supported"},
            id="view-that-is-written",
        ),
        pytest.param(
            {
                "name": "x",
                "type": "auth",
                "authToken": {"duration": 5, "secret": "short"},
                "otp": 7,
                "mfa": {"enabled": True},
                "passwordAuth": {"identityFields": ["verified"]},
                "manageRule": "",
                "verificationTemplate": {"subject": ""},
            },
            {
                "authToken.duration": "validation_out_of_range",
                "authToken.secret": "validation_length_out_of_range",
                "otp": "validation_invalid_value",
                "mfa.enabled": "validation_mfa_not_enough_auths",
                "passwordAuth.identityFields": "validation_missing_unique_constraint",
                "manageRule": "validation_nil_or_not_empty_required",
                "verificationTemplate.subject": "validation_required",
            },
            id="auth-options",
        ),
        pytest.param(
            {
                "name": "x",
                "type": "auth",
                "oauth2": {"providers": [{"name": "a b"}, 5], "mappedFields": {"name": "nope"}},
            },
            {
                "oauth2.providers.0.name": "validation_missing_provider",
                "oauth2.providers.0.clientId": "validation_required",
                "oauth2.providers.0.clientSecret": "validation_required",
                "oauth2.providers.1": "validation_invalid_value",
                "oauth2.mappedFields.name": "validation_missing_field",
            },
            id="oauth2",
        ),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(given: dict[str, Any], found: dict[str, str]) -> None:
    assert problems(given) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param({"type": "base"}, {"type": "validation_collection_type_change"}, id="type"),
        pytest.param({"name": "admins"}, {"name": "validation_collection_system_name_change"}, id="name"),
        pytest.param({"id": "other"}, {"id": "validation_collection_id_change"}, id="id"),
        pytest.param({"system": False}, {"system": "validation_collection_system_flag_change"}, id="system"),
        pytest.param({"listRule": ""}, {"listRule": "validation_collection_system_rule_change"}, id="rule"),
    ],
)
def test_a_system_collection_stays_what_it_is(given: dict[str, Any], found: dict[str, str]) -> None:
    assert SYSTEM[0].name == SUPERUSERS
    assert problems(given, SYSTEM[0]) == found


def test_a_view_cannot_be_pointed_at() -> None:
    view = make({"name": "totals", "type": "view", "viewQuery": "SELECT 1 AS id"})
    relation = {"name": "total", "type": "relation", "collectionId": "totals"}
    found = problems({"name": "x", "fields": [relation]}, None, view)
    assert found == {"fields.0.collectionId": "validation_field_relation_view_collection"}


def test_a_circle_of_required_relations_is_refused_and_named() -> None:
    one = make({"name": "one"})
    two = make({"name": "two", "fields": [required("one")]}, None, one)
    with pytest.raises(ValidationFailed) as refusal:
        make({"fields": [required("two")]}, one, two)
    message = msgspec.to_builtins(refusal.value.data)["fields"]["0"]["required"]["message"]
    assert "one.to_two → two.to_one → one" in message


def required(target: str) -> dict[str, Any]:
    return {"name": f"to_{target}", "type": "relation", "collectionId": target, "required": True}


def test_the_ids_are_those_that_pocketbase_gives() -> None:
    assert {collection.name: collection.id for collection in SYSTEM} == {
        "_superusers": "pbc_3142635823",
        USERS: "_pb_users_auth_",
        "_externalAuths": "pbc_2281828961",
        "_mfas": "pbc_2279338944",
        "_otps": "pbc_1638494021",
        "_authOrigins": "pbc_4275539003",
    }
