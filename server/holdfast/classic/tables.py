"""Collections as tables of Piccolo, made when they are asked for. What is hidden has no column: nobody asks for it."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, cast

from piccolo.columns import (
    JSONB,
    Array,
    BigInt,
    Boolean,
    DoublePrecision,
    ForeignKey,
    Numeric,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.columns.base import Column
from piccolo.columns.choices import Choice
from piccolo.columns.readable import Readable
from piccolo.columns.reference import LazyTableReference
from piccolo.table import Table, create_table_class
from pydantic import BaseModel
from typing_extensions import override

from holdfast.catalog.snapshot import Catalog
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.select import SelectField

Tables = Callable[[str], "type[Table]"]
"""Gives the table of a collection, by its id."""
OPEN: Final[Mapping[str, Any]] = {"null": True, "default": None, "required": False}
LABELS: Final = ("name", "title", "label", "email", "username", "slug")


class Named(LazyTableReference):
    """A table that is made when somebody looks through a relation."""

    def __init__(self, collection_id: str, tables: Tables) -> None:
        super().__init__(table_class_name=collection_id, module_path=__name__)
        self._collection_id = collection_id
        self._tables = tables

    @override
    def resolve(self) -> type[Table]:
        """The table."""
        return self._tables(self._collection_id)


def attribute(name: str) -> str:
    """What a field is called in Python: names that a table or a model of Pydantic has already get an underscore."""
    taken = hasattr(Table, name) or hasattr(BaseModel, name) or name.startswith(("_", "model_"))
    return f"field_{name}" if taken and name != "id" else name


def shown_fields(collection: Collection) -> list[Field]:
    """The fields that have a column here."""
    return [field for field in collection.fields if not field.hidden and _kind(field) is not None]


def make_table(catalog: Catalog, collection: Collection, engine: Any, tables: Tables) -> type[Table]:
    """A collection as a table of Piccolo."""
    columns: dict[str, Any] = {}
    for field in shown_fields(collection):
        made = _column(catalog, field, tables)
        if made is not None:
            columns[attribute(field.name)] = made
    label = _label(collection)
    if label is not None:
        columns["get_readable"] = classmethod(_readable(attribute(label)))
    about = {"tablename": collection.name, "schema": "public", "db": engine, "help_text": collection.comment or None}
    return create_table_class(_class_name(collection), class_kwargs=about, class_members=columns)


def _class_name(collection: Collection) -> str:
    return "".join(part.capitalize() for part in collection.name.split("_")) or collection.id


def _label(collection: Collection) -> str | None:
    """The field that says which record it is."""
    names = {field.name for field in shown_fields(collection)}
    chosen = [field.name for field in collection.fields if field.presentable and field.name in names]
    return next(iter([*chosen, *(name for name in LABELS if name in names)]), None)


def _readable(label: str) -> Callable[[type[Table]], Readable]:
    def get_readable(cls: type[Table]) -> Readable:
        return Readable(template="%s", columns=[getattr(cls, label)])

    return get_readable


def _kind(field: Field) -> type[Column] | None:
    """The sort of column for a field; None for what Piccolo cannot show: places, vectors, passwords."""
    many = field.many
    kinds: dict[str, type[Column]] = {
        "text": Varchar,
        "email": Varchar,
        "url": Varchar,
        "editor": Text,
        "number": BigInt if getattr(field, "only_int", False) else DoublePrecision,
        "decimal": Numeric,
        "bool": Boolean,
        "date": Timestamptz,
        "autodate": Timestamptz,
        "select": Array if many else Varchar,
        "relation": Array if many else ForeignKey,
        "file": Array if many else Varchar,
        "json": JSONB,
    }
    return kinds.get(field.type)


def _column(catalog: Catalog, field: Field, tables: Tables) -> Column | None:
    kind = _kind(field)
    about: dict[str, Any] = {**OPEN, "db_column_name": field.name, "help_text": field.help or None}
    if field.name == "id":
        return Varchar(length=None, primary_key=True, default="", required=False)  # pyright: ignore[reportArgumentType]
    if kind is None:
        return None
    if kind is Array:
        return Array(base_column=Varchar(length=None), **about)  # pyright: ignore[reportArgumentType]
    if kind is ForeignKey:
        target = catalog.by_id.get(getattr(field, "collection_id", ""))
        if target is None or target.is_view:
            return Varchar(length=None, **about)  # pyright: ignore[reportArgumentType]
        return cast(Column, ForeignKey(references=Named(target.id, tables), **about))
    if kind is Varchar:
        return Varchar(length=None, choices=_choices(field), **about)  # pyright: ignore[reportArgumentType]
    return kind(**about)


def _choices(field: Field) -> type[Enum] | None:
    """What a field that holds one of a few values offers."""
    if not isinstance(field, SelectField) or not field.values:
        return None
    found = {f"choice_{at}": Choice(value, value) for at, value in enumerate(field.values)}
    return Enum("Choices", found)
