"""The `fields` parameter."""

import pytest

from holdfast.errors import BadRequest
from holdfast.http.selection import EVERYTHING, Excerpt, Selection, read_fields, read_plain_fields, select

NOTHING = Selection()


@pytest.mark.parametrize(
    ("fields", "wanted", "unwanted"),
    [
        pytest.param("", ["id", "title", "expand"], [], id="empty is everything"),
        pytest.param("*", ["id", "expand"], [], id="a star is everything"),
        pytest.param("id,title", ["id", "title"], ["body", "expand"], id="names"),
        pytest.param(" id , title ,", ["id", "title"], [""], id="spaces and empty parts are nothing"),
        pytest.param("expand.author.name", ["expand"], ["id"], id="a path wants what it goes through"),
    ],
)
def test_names_are_selected(fields: str, wanted: list[str], unwanted: list[str]):
    selection = read_fields(fields)
    assert [name for name in wanted if selection.part(name) is None] == []
    assert [name for name in unwanted if selection.part(name) is not None] == []


def test_a_path_narrows_what_it_goes_through():
    author = _part("id,expand.author.name", "expand", "author")
    assert author.part("name") == EVERYTHING
    assert author.part("email") is None


def test_a_star_beside_a_path_leaves_the_path_narrow():
    assert _part("*,expand.author.name", "title") == EVERYTHING
    assert _part("*,expand.author.name", "expand", "author").part("email") is None


def test_a_star_at_the_end_of_a_path_is_all_of_it():
    assert _part("expand.author.*", "expand", "author").whole


def test_a_whole_part_that_is_named_again_stays_whole():
    assert _part("expand.author,expand.author.name", "expand", "author").part("email") == EVERYTHING


@pytest.mark.parametrize(
    ("modifier", "excerpt"),
    [
        ("excerpt(200)", Excerpt(200)),
        ("excerpt(200,true)", Excerpt(200, ellipsis=True)),
        ("excerpt( 5 , false )", Excerpt(5)),
        ("left(5,true)", Excerpt(5, ellipsis=True, verbatim=True)),
    ],
)
def test_an_excerpt_has_a_length_and_maybe_an_ellipsis(modifier: str, excerpt: Excerpt):
    selection = read_fields(f"id,body:{modifier},title")
    assert _part(f"body:{modifier}", "body").excerpt == excerpt
    assert selection.part("title") == EVERYTHING


@pytest.mark.parametrize(
    "fields",
    [
        "body:shout",
        "body:excerpt",
        "body:excerpt()",
        "body:excerpt(-1)",
        "body:excerpt(1,2,3)",
        "body:excerpt(99999999)",
        "body:excerpt(10",
        "body:",
        pytest.param(",".join("abc" for _ in range(501)), id="too many parts"),
        pytest.param(".".join("abc" for _ in range(21)), id="too deep"),
    ],
)
def test_what_cannot_be_read_is_refused(fields: str):
    with pytest.raises(BadRequest) as refusal:
        read_fields(fields)
    assert list(refusal.value.data) == ["fields"]


def _part(fields: str, *path: str) -> Selection:
    found: Selection | None = read_fields(fields)
    for name in path:
        assert found is not None
        found = found.part(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("answer", "fields", "left"),
    [
        pytest.param('{"a":1,"b":2}', "", '{"a":1,"b":2}', id="all of it"),
        pytest.param('{"a":1,"b":2}', "b,c", '{"b":2}', id="what is there"),
        pytest.param('{"a":[{"b":1,"c":2},3],"d":4}', "a.b", '{"a":[{"b":1},3]}', id="inside a list"),
        pytest.param('{"a":{"b":1,"c":2},"d":4}', "*,a.b", '{"a":{"b":1},"d":4}', id="narrowed"),
        pytest.param('{"items":[{"a":1,"b":2}],"page":1}', "a", '{"items":[{"a":1}],"page":1}', id="a page's items"),
        pytest.param('{"items":[]}', "page", '{"items":[]}', id="a page stays a page"),
    ],
)
def test_parts_of_an_answer_are_picked(answer: str, fields: str, left: str):
    assert select(answer.encode(), read_plain_fields(fields)).decode() == left


def test_what_is_no_record_has_no_excerpts():
    with pytest.raises(BadRequest, match="left are for the fields of records"):
        read_plain_fields("name,fields.help:excerpt(10)")
