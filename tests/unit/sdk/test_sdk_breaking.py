"""What a change of the collections breaks for programs."""

import pytest

from holdfast_sdk.breaks import breaks
from holdfast_sdk.schema import Collection, Field, Schema


def schema(*collections: Collection) -> Schema:
    return Schema(name="x", version="1", schema="1.a", collections=collections)


def posts(*fields: Field, **more: object) -> Schema:
    return schema(Collection(name="posts", fields=fields, **more))  # type: ignore[arg-type]


TITLE = Field(name="title", type="text", input="optional")
STATUS = Field(name="status", type="select", values=("a", "b"), input="optional")
AUTHOR = Field(name="author", type="relation", target="users", input="optional")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (posts(TITLE), schema(), ["posts: the collection is gone"]),
        (posts(TITLE), posts(), ["posts.title: the field is gone"]),
        (
            posts(TITLE),
            posts(Field(name="title", type="number", input="optional")),
            ["posts.title: it is float and no more str", "posts.title: it takes float"],
        ),
        (
            posts(TITLE),
            posts(Field(name="title", type="text", input="required")),
            ["posts.title: a create has to name it"],
        ),
        (
            posts(TITLE),
            posts(Field(name="title", type="text", input="none")),
            ["posts.title: it cannot be set any more"],
        ),
        (
            posts(TITLE),
            posts(Field(name="title", type="text", input="optional", nullable=True)),
            ["posts.title: it can be None"],
        ),
        (
            posts(Field(name="n", type="number", nullable=True, input="optional")),
            posts(Field(name="n", type="number", input="optional")),
            ["posts.n: it does not take None any more"],
        ),
        (
            posts(STATUS),
            posts(Field(name="status", type="select", values=("a", "c"), input="optional")),
            [
                "posts.status: it can hold values that a program has not heard of: 'c'",
                "posts.status: it does not take 'b' any more",
            ],
        ),
        (
            posts(STATUS),
            posts(Field(name="status", type="select", many=True, values=("a", "b"), input="optional")),
            ["posts.status: it is list[str] and no more str"],
        ),
        (
            posts(AUTHOR),
            posts(Field(name="author", type="relation", target="bots", input="optional")),
            ["posts.author: it leads to bots and no more to users"],
        ),
        (
            posts(TITLE),
            posts(TITLE, Field(name="new", type="text", input="required")),
            ["posts.new: a create has to name this new field"],
        ),
        (
            posts(TITLE),
            posts(Field(name="title", type="text"), type="view"),
            ["posts: it can only be read", "posts.title: it cannot be set any more"],
        ),
        (posts(TITLE, type="auth"), posts(TITLE), ["posts: nobody can log in with it"]),
        (
            posts(Field(name="at", type="autodate", always=True)),
            posts(Field(name="at", type="autodate")),
            ["posts.at: it can be missing"],
        ),
        (
            posts(Field(name="pin", type="text")),
            posts(Field(name="pin", type="text", read=False)),
            ["posts.pin: it is not sent any more"],
        ),
        (posts(TITLE), posts(TITLE, STATUS), []),
        (posts(Field(name="title", type="text", input="required")), posts(TITLE), []),
        (posts(TITLE), posts(Field(name="title", type="editor", input="optional")), []),
    ],
)
def test_a_change_breaks(before: Schema, after: Schema, said: list[str]):
    assert [str(one) for one in breaks(before, after)] == said


def test_nothing_breaks_where_nothing_changes():
    one = posts(TITLE, STATUS, AUTHOR)
    assert breaks(one, one) == ()
