"""The fields that the server adds: the id of every record, and what a login needs."""

from typing import Final
from zlib import crc32

from holdfast.schema.autodate import AutodateField
from holdfast.schema.bool import BoolField
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field
from holdfast.schema.ids import ID_LENGTH, ID_PATTERN
from holdfast.schema.password import PasswordField
from holdfast.schema.select import SelectField
from holdfast.schema.text import TextField

MIN_PASSWORD_CHARS: Final = 8
ROLES: Final = "roles"
MAX_ROLES: Final = 100
"""How many roles a person can have."""
TOKEN_KEY_PATTERN: Final = "[a-zA-Z0-9_]{50}"


def field_id(type: str, name: str) -> str:
    """The id of a new field, made of its type and name as PocketBase makes it (`text1579384326`)."""
    return f"{type}{crc32(name.encode())}"


def collection_id(type: str, name: str) -> str:
    """The id of a new collection, made of its type and name as PocketBase makes it (`pbc_3142635823`)."""
    return f"pbc_{crc32((type + name).encode())}"


def id_field() -> TextField:
    """The primary key: 15 characters, made in time order unless the client sends one."""
    return TextField(
        id=field_id("text", "id"),
        name="id",
        system=True,
        required=True,
        min=ID_LENGTH,
        max=ID_LENGTH,
        pattern="^[a-z0-9]+$",
        autogenerate_pattern=ID_PATTERN,
        primary_key=True,
    )


def auth_fields() -> tuple[Field, ...]:
    """What every auth collection has beside the id."""
    return (
        PasswordField(
            id=field_id("password", "password"),
            name="password",
            system=True,
            hidden=True,
            required=True,
            min=MIN_PASSWORD_CHARS,
        ),
        TextField(
            id=field_id("text", "tokenKey"),
            name="tokenKey",
            system=True,
            hidden=True,
            required=True,
            min=30,
            max=60,
            autogenerate_pattern=TOKEN_KEY_PATTERN,
        ),
        EmailField(id=field_id("email", "email"), name="email", system=True),
        BoolField(id=field_id("bool", "emailVisibility"), name="emailVisibility", system=True),
        BoolField(id=field_id("bool", "verified"), name="verified", system=True),
        roles_field(),
    )


def roles_field() -> SelectField:
    """The names of the roles that a person has. Only superusers can set it."""
    return SelectField(id=field_id("select", ROLES), name=ROLES, system=True, max_select=MAX_ROLES)


def date_fields(*, system: bool = False) -> tuple[Field, ...]:
    """`created` and `updated`, which are ordinary fields except in system collections."""
    return (
        AutodateField(id=field_id("autodate", "created"), name="created", system=system, on_create=True),
        AutodateField(
            id=field_id("autodate", "updated"), name="updated", system=system, on_create=True, on_update=True
        ),
    )


def system_fields(type: str) -> tuple[Field, ...]:
    """The system fields of a new collection of this type; a view's come from its query."""
    if type == "view":
        return ()
    return (id_field(), *auth_fields()) if type == "auth" else (id_field(),)
