"""The `expand` parameter."""

import pytest

from holdfast.errors import BadRequest
from holdfast.records.expansion import Expansion, read_expand


def tree(expansion: Expansion) -> dict[str, object]:
    return {name: tree(part) for name, part in expansion.parts}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" , ", {}),
        ("author", {"author": {}}),
        ("author,author.team", {"author": {"team": {}}}),
        (" a.b , a.c ", {"a": {"b": {}, "c": {}}}),
        ("comments_via_post.author", {"comments_via_post": {"author": {}}}),
        ("a.b.c.d.e.f", {"a": {"b": {"c": {"d": {"e": {"f": {}}}}}}}),
    ],
)
def test_paths_become_one_tree(text: str, expected: dict[str, object]):
    assert tree(read_expand(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a.b.c.d.e.f.g", id="seven levels"),
        pytest.param(",".join(f"r{n}" for n in range(101)), id="101 relations"),
    ],
)
def test_too_much_is_refused(text: str):
    with pytest.raises(BadRequest) as refusal:
        read_expand(text)
    assert list(refusal.value.data) == ["expand"]
