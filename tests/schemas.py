"""Schemas to make packages of: an ordinary one, one that is made to be nasty, and one with very many collections."""

import keyword
from typing import Final

from holdfast_sdk.schema import Collection, Field, Schema


def fields(*more: Field, auth: bool = False) -> tuple[Field, ...]:
    """The fields of a collection: its id, those of an account, and these."""
    own = [Field(name="id", type="text", input="optional", required=True)]
    if auth:
        own += [
            Field(name="password", type="password", read=False, input="required", required=True),
            Field(name="email", type="email", input="optional"),
            Field(name="roles", type="select", many=True, input="optional"),
        ]
    return (*own, *more)


def field(name: str, type: str = "text", **more: object) -> Field:
    """A field that a write may name."""
    return Field(**{"name": name, "type": type, "input": "optional", **more})  # type: ignore[arg-type]


SHOP: Final = Schema(
    name="shop",
    version="0.1.0.5",
    schema="5.abcdef",
    collections=(
        Collection(name="users", type="auth", fields=fields(field("name", help="Full name."), auth=True)),
        Collection(
            name="posts",
            comment="What people write.",
            fields=fields(
                field("title", required=True, input="required", help='The "title" \\ here'),
                field("views", "number", whole=True),
                field("rating", "number", nullable=True),
                field("status", "select", values=("draft", "open")),
                field("kind", "select", values=("a", "b"), required=True, input="required"),
                field("tags", "select", many=True, values=("red", "green", "blue")),
                field("author", "relation", target="users"),
                field("editors", "relation", many=True, target="users"),
                field("due", "date"),
                field("created", "autodate", always=True, input="none"),
                field("price", "decimal"),
                field("meta", "json"),
                field("place", "geoPoint"),
                field("cover", "file"),
                field("papers", "file", many=True),
                field("shape", "vector"),
            ),
        ),
        Collection(
            name="comments",
            fields=fields(
                field("message"), field("stars", "number", whole=True), field("post", "relation", target="posts")
            ),
        ),
        Collection(
            name="post_counts",
            type="view",
            fields=(Field(name="id", type="text"), Field(name="n", type="number", whole=True, nullable=True)),
        ),
    ),
)

WORDS: Final = (
    *(word for word in keyword.kwlist if word not in ("True", "False", "None")),
    *("class_", "self", "str", "int", "float", "list", "dict", "bool", "object", "property", "type", "match", "count"),
    *("hf", "hf_x", "typing", "functools", "annotations", "mro", "Post", "PostRecord", "WordFields", "__init__"),
    *("__class__", "_x", "_", "_1", "naïve", "größe", "list_", "f" * 63),
)
NAMES: Final = (
    *("class", "pages", "page", "clients", "client", "batch", "post", "posts", "post_record", "news", "_superusers"),
    *("superusers", "files", "request", "who", "é", "list", "str", "import", "a_b", "aB", "events", "event", "errors"),
)
VALUES: Final = ('a"b', "c'd", "\\", "\n", "é", "x y", "{}", '"""', "]")

NASTY: Final = Schema(
    name="nasty",
    version="0.1.0.1",
    schema="1.a",
    collections=(
        *(
            Collection(
                name=name,
                comment='"""\\',
                fields=fields(
                    field("itself", "relation", target=name),
                    field("others", "relation", many=True, target=NAMES[at - 1]),
                    field("kind", "select", values=VALUES),
                ),
            )
            for at, name in enumerate(NAMES)
        ),
        Collection(name="wide", fields=fields(*(field(f"f{number}", "number") for number in range(200)))),
        Collection(
            name="words",
            fields=fields(
                *(field(word) for word in WORDS),
                field("many", "select", values=tuple(f"value number {number}" for number in range(60)), many=True),
                field("record", "select", values=("a",)),
                field("newer", "a type of tomorrow"),
            ),
        ),
        Collection(name="empty", type="view"),
    ),
)

TYPES: Final = ("text", "number", "bool", "date", "select", "relation", "json", "email", "url", "file", "autodate") * 2
MANY: Final = Schema(
    name="many",
    version="0.1.0.1",
    schema="1.b",
    collections=tuple(
        Collection(
            name=f"things_{number}",
            fields=fields(
                *(
                    field(
                        f"f{at}",
                        type,
                        target=f"things_{(number + 1) % 200}" if type == "relation" else "",
                        values=("a", "b") if type == "select" else (),
                    )
                    for at, type in enumerate(TYPES)
                )
            ),
        )
        for number in range(200)
    ),
)
