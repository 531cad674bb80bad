"""The collections as a client sees them: what the server tells, and what a package is made of."""

from typing import Final, Literal, TypeAlias

import msgspec

FieldType: TypeAlias = Literal[
    "text",
    "editor",
    "number",
    "bool",
    "email",
    "url",
    "date",
    "autodate",
    "select",
    "relation",
    "file",
    "json",
    "geoPoint",
    "password",
    "vector",
    "decimal",
]


class Field(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field. `type` is a FieldType, or one that this version does not know.

    `read`: it goes out. `input`: whether a write may name it. `whole`: a number without a fraction. `always`: a date
    that is never missing. `target` is the name of the collection that a relation leads to, `single` that at most one
    record points at each.
    """

    name: str
    type: str
    help: str = ""
    read: bool = True
    input: Literal["none", "optional", "required"] = "none"
    many: bool = False
    nullable: bool = False
    required: bool = False
    whole: bool = False
    always: bool = False
    values: tuple[str, ...] = ()
    target: str = ""
    single: bool = False


class Collection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A collection."""

    name: str
    type: Literal["base", "auth", "view"] = "base"
    comment: str = ""
    fields: tuple[Field, ...] = ()


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a package is made of. `version` is the package's, `schema` names the state of the collections."""

    name: str
    version: str
    schema: str
    collections: tuple[Collection, ...] = ()


PREFIX: Final = "holdfast-client-"


def project_name(name: str) -> str:
    """What pip knows the package as."""
    return PREFIX + name


def package_name(name: str) -> str:
    """What Python imports."""
    return project_name(name).replace("-", "_")


def read_schema(body: bytes) -> Schema:
    """The schema as the server tells it. Raises msgspec.DecodeError."""
    return msgspec.json.decode(body, type=Schema)
