"""The collections that the tests of filters and their page speak of: posts with comments, by authors in teams."""

from collections.abc import Container
from typing import Any

from typing_extensions import override

from holdfast.catalog.scope import Scope
from holdfast.catalog.sight import Sight
from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Sql, Statement, raw
from holdfast.expressions.read import read_filter
from holdfast.expressions.value import ALWAYS, NEVER
from holdfast.schema.bool import BoolField
from holdfast.schema.collection import Collection
from holdfast.schema.date import DateField
from holdfast.schema.decimal import DecimalField
from holdfast.schema.field import Field
from holdfast.schema.geo_point import GeoPointField
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.relation import RelationField
from holdfast.schema.select import SelectField
from holdfast.schema.system_fields import auth_fields, date_fields, id_field
from holdfast.schema.text import TextField
from holdfast.schema.vector import VectorField


def field(kind: type[Field], name: str, **options: Any) -> Field:
    return kind(id=name, name=name, **options)


def collection(name: str, *fields: Field, type: Any = "base") -> Collection:
    login = auth_fields() if type == "auth" else ()
    return Collection(id=f"{name}_id", name=name, type=type, fields=(id_field(), *login, *fields))


TEAMS = collection("teams", field(TextField, "name"), field(NumberField, "level"))
AUTHORS = collection(
    "authors",
    field(TextField, "name"),
    field(TextField, "note", hidden=True),
    field(RelationField, "team", collection_id="teams_id"),
    type="auth",
)
POSTS = collection(
    "posts",
    field(TextField, "title"),
    field(TextField, "subtitle", nullable=True),
    field(NumberField, "views"),
    field(NumberField, "likes", only_int=True),
    field(DecimalField, "price"),
    field(BoolField, "open"),
    field(DateField, "due"),
    field(JsonField, "meta"),
    field(GeoPointField, "place"),
    field(SelectField, "status", values=("draft", "done")),
    field(SelectField, "tags", values=("red", "green"), max_select=5),
    field(RelationField, "author", collection_id="authors_id"),
    field(RelationField, "editors", collection_id="authors_id", max_select=9),
    field(TextField, "secret", hidden=True),
    field(VectorField, "embedding", dimensions=3),
    *date_fields(),
)
COMMENTS = collection(
    "comments",
    field(TextField, "message"),
    field(NumberField, "stars"),
    field(RelationField, "post", collection_id="posts_id"),
    field(RelationField, "author", collection_id="authors_id"),
    field(RelationField, "reviewer", collection_id="authors_id", hidden=True),
)
LIBRARY = Catalog.of(1, (TEAMS, AUTHORS, POSTS, COMMENTS))


class Eyes(Sight):
    """Sees hidden fields and emails or not, and no rows of the collections that are `closed`."""

    def __init__(self, *, sees_hidden: bool, sees_emails: bool, closed: Container[str] = ()) -> None:
        self._hidden = sees_hidden
        self._emails = sees_emails
        self._closed = closed

    @override
    def knows(self, collection: Collection, field: Field) -> bool:
        return self._hidden or not field.hidden

    @override
    def is_open(self, collection: Collection) -> bool:
        return collection.name not in self._closed

    @override
    def gate(self, collection: Collection, alias: Sql) -> Sql:
        return ALWAYS if self.is_open(collection) else NEVER

    @override
    def shows_email(self, collection: Collection, alias: Sql) -> Sql:
        return ALWAYS if self._emails else alias + raw('."emailVisibility"')


def scope(*, sees_hidden: bool = False, closed: tuple[str, ...] = ()) -> Scope:
    """A scope over posts, under the alias r; nobody sees the rows of the collections that are `closed`."""
    return Scope(LIBRARY, POSTS, raw("r"), Eyes(sees_hidden=sees_hidden, sees_emails=sees_hidden, closed=closed))


def sql(text: str, *, sees_hidden: bool = False, closed: tuple[str, ...] = ()) -> tuple[str, str]:
    """The condition of a filter over posts, and the joins that it needs."""
    found = scope(sees_hidden=sees_hidden, closed=closed)
    condition = Statement.of(found.condition(read_filter(text).tree)).text
    return condition, Statement.of(found.joins()).text
