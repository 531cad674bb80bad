"""The collections as a client sees them: what its package is made of. Pure."""

import re
from hashlib import blake2b
from typing import Final

import msgspec

from holdfast import __version__
from holdfast.catalog.snapshot import Catalog
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.index_reading import read_indexes
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.text import TextField
from holdfast_sdk import schema as client

WHOLE: Final = "+all"  # behind the version of a package that knows hidden fields and system collections
MOST_NAME_CHARS: Final = 40
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_NEVER_SENT: Final = frozenset(("tokenKey",))


def slug(text: str) -> str:
    """A name as a part of a package's: small letters and digits with hyphens between them."""
    return _OTHER.sub("-", text.lower()).strip("-")[:MOST_NAME_CHARS].strip("-") or "app"


def client_schema(catalog: Catalog, name: str, *, superuser: bool) -> client.Schema:
    """What a package is made of. Hidden fields and system collections are for superusers."""
    shown = [one for one in catalog.collections if superuser or not one.system]
    names = {one.id: one.name for one in shown}
    collections = tuple(_collection(one, names, superuser=superuser) for one in shown)
    version = f"{__version__}.{catalog.version}"
    return client.Schema(
        name=name,
        version=version + WHOLE if superuser else version,
        schema=f"{catalog.version}.{_digest(collections, superuser=superuser)}",
        collections=collections,
    )


def _digest(collections: tuple[client.Collection, ...], *, superuser: bool) -> str:
    """Changes when, and only when, something changes for a client. The last letter says for which."""
    found = blake2b(msgspec.json.encode(collections), digest_size=8).hexdigest()
    return found + ("a" if superuser else "p")


def is_for_superusers(schema: str) -> bool:
    """Whether a state of the collections, as a client says it, is of one that knows all of them."""
    return schema.endswith("a")


def _collection(collection: Collection, names: dict[str, str], *, superuser: bool) -> client.Collection:
    single = _sole_fields(collection)
    fields = tuple(
        _field(collection, field, names, single=field.name in single)
        for field in collection.fields
        if (superuser or not field.hidden or _is_password(collection, field)) and field.name not in _hidden(collection)
    )
    return client.Collection(name=collection.name, type=collection.type, comment=collection.comment, fields=fields)


def _hidden(collection: Collection) -> frozenset[str]:
    return _NEVER_SENT if collection.is_auth else frozenset()


def _is_password(collection: Collection, field: Field) -> bool:
    """Whether it is the password that an account logs in with: it is hidden, and everybody sends it."""
    return collection.is_auth and field.system and field.name == "password"


def _sole_fields(collection: Collection) -> set[str]:
    """The fields whose values are unique."""
    sole = {index.sole_unique_field for index in read_indexes(collection).values()}
    return {field.name for field in collection.fields if field.unique or field.name in sole}


def _field(collection: Collection, field: Field, names: dict[str, str], *, single: bool) -> client.Field:
    view = collection.is_view
    return client.Field(
        name=field.name,
        type=field.type,
        help=field.help,
        read=not collection.is_secret(field),
        input="none" if view or not field.settable else ("required" if _is_needed(field) else "optional"),
        many=field.many,
        # The query of a view can find nothing where a table has to have something.
        nullable=field.nullable or (view and field.name != "id"),
        required=field.required,
        whole=isinstance(field, NumberField) and field.only_int,
        always=isinstance(field, AutodateField) and field.on_create and not view,
        values=field.values if isinstance(field, SelectField) else (),
        target=names.get(field.collection_id, "") if isinstance(field, RelationField) else "",
        single=single and isinstance(field, RelationField) and not field.many,
    )


def _is_needed(field: Field) -> bool:
    makes_itself = isinstance(field, TextField) and bool(field.autogenerate_pattern)
    return field.required and field.default is None and not makes_itself
