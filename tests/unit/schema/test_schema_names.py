"""Which names collections and fields may have."""

import pytest

from holdfast.schema.names import MAX_FIELD_ID_CHARS, collection_name_problem, field_name_problem, id_problem


@pytest.mark.parametrize("name", ["posts", "Posts2", "a", "x" * 63, "select", "user", "order", "table_1"])
def test_plain_names_are_taken_even_when_they_are_words_of_sql(name: str) -> None:
    assert collection_name_problem(name) is None
    assert field_name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("", "validation_required", id="empty"),
        pytest.param("x" * 64, "validation_length_out_of_range", id="64-bytes"),
        pytest.param('a"b', "validation_match_invalid", id="quote"),
        pytest.param("a'b", "validation_match_invalid", id="single-quote"),
        pytest.param("a`b", "validation_match_invalid", id="backtick"),
        pytest.param("a b", "validation_match_invalid", id="space"),
        pytest.param("a\n", "validation_match_invalid", id="newline"),
        pytest.param("a\0", "validation_match_invalid", id="nul"),
        pytest.param("1a", "validation_match_invalid", id="digit-first"),
        pytest.param("a-b", "validation_match_invalid", id="hyphen"),
        pytest.param("a.b", "validation_match_invalid", id="dot"),
        pytest.param("p\u043ests", "validation_match_invalid", id="cyrillic-o"),
        pytest.param("\uff50osts", "validation_match_invalid", id="full-width-p"),
        pytest.param("a²", "validation_match_invalid", id="superscript"),
        pytest.param("é", "validation_match_invalid", id="accent"),
        pytest.param("hf_posts", "validation_reserved_name", id="ours"),
        pytest.param("HF_posts", "validation_reserved_name", id="ours-in-upper-case"),
        pytest.param("pg_posts", "validation_reserved_name", id="postgresql"),
        pytest.param("comments_via_post", "validation_reserved_name", id="back-relation"),
    ],
)
def test_other_names_are_refused_for_collections_and_fields(name: str, code: str) -> None:
    for problem in (collection_name_problem(name), field_name_problem(name)):
        assert problem is not None
        assert problem.code == code


@pytest.mark.parametrize(
    "name", ["collectionId", "collectionname", "expand", "CTID", "oid", "tableoid", "xmin", "cmax", "null", "true"]
)
def test_names_that_mean_something_already_are_refused_for_fields(name: str) -> None:
    problem = field_name_problem(name)
    assert problem is not None
    assert problem.code == "validation_reserved_name"


@pytest.mark.parametrize("name", ["passwordConfirm", "oldPassword", "roles"])
def test_some_names_are_reserved_where_people_log_in(name: str) -> None:
    assert field_name_problem(name) is None
    assert field_name_problem(name, auth=True) is not None


@pytest.mark.parametrize("name", ["trash", "vector", "_hidden"])
def test_some_names_are_reserved_for_collections_alone(name: str) -> None:
    assert collection_name_problem(name) is not None
    assert field_name_problem(name) is None


def test_system_collections_begin_with_an_underscore() -> None:
    assert collection_name_problem("_superusers", system=True) is None


@pytest.mark.parametrize(
    ("id", "good"),
    [
        pytest.param("text1579384326", True, id="as-made"),
        pytest.param("_pbf_auth_emailVisibility_", True, id="pocketbase"),
        pytest.param("a-b", False, id="hyphen"),
        pytest.param("x" * (MAX_FIELD_ID_CHARS + 1), False, id="long"),
    ],
)
def test_ids_are_short_and_plain(id: str, good: bool) -> None:
    assert (id_problem(id, MAX_FIELD_ID_CHARS) is None) is good
