"""How collections and fields are spelt in Python."""

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast_sdk.generator.names import PARTS, class_names, identifier, identifiers, pascal, sentence, singular


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        ("title", "title"),
        ("class", "class_"),
        ("_private", "private_"),
        ("__init__", "init___"),
        ("_", "n_"),
        ("_1", "n1_"),
        ("größe", "größe"),
        ("a b-c", "a_b_c"),
        ("1st", "n1st"),
        ("taken", "taken_"),
        ("match", "match"),
    ],
)
def test_a_name_is_spelt(name: str, spelt: str):
    assert identifier(name, {"taken"}) == spelt


def test_of_two_that_would_be_spelt_alike_the_one_that_can_stays():
    assert identifiers(["class", "class_", "_class"], ()) == {
        "class_": "class_",
        "_class": "class__",
        "class": "class___",
    }


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=12))
def test_every_name_becomes_an_attribute_of_its_own(names: list[str]):
    found = identifiers(names, {"self", "str"})
    assert len(set(found.values())) == len(names)
    for spelt in found.values():
        assert spelt.isidentifier() and not keyword.iskeyword(spelt) and not spelt.startswith("_")
        assert spelt not in ("self", "str")


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("posts", "Post"),
        ("blog_posts", "BlogPost"),
        ("categories", "Category"),
        ("boxes", "Box"),
        ("addresses", "Address"),
        ("news", "News"),
        ("status", "Status"),
        ("series", "Series"),
        ("movies", "Movy"),
        ("people", "People"),
        ("_superusers", "Superuser"),
        ("is", "Is"),
    ],
)
def test_a_class_is_called_after_one_of_them(name: str, one: str):
    assert singular(pascal(name)) == one


def test_classes_that_would_have_one_name_have_that_of_their_collection():
    assert class_names(["post", "posts", "pages", "a_b", "aB"], {"Page"}) == {
        "post": "Post",
        "posts": "Posts",
        "pages": "Pages",
        "a_b": "AB_",
        "aB": "AB",
    }


@given(
    st.lists(st.sampled_from(["post", "posts", "post_record", "Post", "postfields", "event", "events"]), unique=True)
)
def test_no_two_classes_have_one_name(names: list[str]):
    found = [base + part for base in class_names(names, {"Event"}).values() for part in PARTS]
    assert len(found) == len(set(found)) and "Event" not in found


@pytest.mark.parametrize("text", ['say "hi"', 'ends with "', "a\\", '"""', "two\nlines", "tab\t\x00\x1b[0m", "{x}"])
def test_somebodys_text_stays_within_its_docstring(text: str):
    namespace: dict[str, object] = {}
    exec(f'def found():\n    """{sentence(text)}"""\n', namespace)
    assert isinstance(getattr(namespace["found"], "__doc__", None), str)
