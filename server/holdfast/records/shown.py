"""Which fields of a record go out, and in which rows."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.db.sql import Sql, name, raw
from holdfast.expressions.emit import both
from holdfast.expressions.value import ALWAYS, NEVER
from holdfast.rules.access import Access, Audience
from holdfast.rules.facts import Context
from holdfast.rules.names import Spoken
from holdfast.rules.scope import holds
from holdfast.rules.sight import email_shows, roles_show
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.system_fields import ROLES

_Few: TypeAlias = Callable[[Catalog, Collection, Sql, Audience, Spoken], Sql]


class Reader(msgspec.Struct, frozen=True):
    """Who reads records, and in which context what is expanded in them is looked at."""

    catalog: Catalog
    who: Audience
    context: Context | None = None

    @property
    def spoken(self) -> Spoken:
        """What the rules speak of besides the row."""
        return Spoken(context=self.context)


class Shown:
    """The fields of one row that are readable, by the ways in of `access`.

    `row` is the alias of the row where its JSON is made; `source` that of the whole row, where its conditions are
    looked at, if that is another place: then `computed` has what to select there, by name.
    """

    def __init__(
        self, reader: Reader, collection: Collection, access: Access, row: Sql, source: Sql | None = None
    ) -> None:
        self._reader = reader
        self._collection = collection
        self._access = access
        self._row = row
        self._source = source
        self._kept: dict[tuple[str, ...], Sql] = {}
        self._computed: dict[str, Sql] = {}

    @property
    def computed(self) -> Mapping[str, Sql]:
        """The conditions that are computed with the source, by the names that they have in the row."""
        return self._computed

    def is_readable(self, field: Field) -> bool:
        """Whether the field may go out in some row. Secrets are nobody's, superusers included."""
        return not self._collection.is_secret(field) and bool(self._access.reading(field))

    def condition(self, field: Field) -> Sql:
        """The condition for the field to go out; ALWAYS if it goes out in every row."""
        rules = self._access.reading(field)
        granted = ALWAYS if rules == ("",) else self._granted(rules)
        private = self._private(field)
        return granted if private is None else both(granted, self._shown_to_few(field.name, private))

    def _private(self, field: Field) -> _Few | None:
        """What shows a field that not everybody sees who sees the record."""
        if self._reader.who.superuser or not (self._collection.is_auth and field.system):
            return None
        return roles_show if field.name == ROLES else email_shows if field.name == "email" else None

    def _granted(self, rules: tuple[str, ...]) -> Sql:
        found = self._kept.get(rules)
        if found is None:
            reader = self._reader
            alias = self._source or self._row
            sql = holds(reader.catalog, self._collection, rules, alias, reader.who, reader.spoken, prefix="f")
            found = self._kept[rules] = self._out_of_source(sql)
        return found

    def _shown_to_few(self, name: str, shows: _Few) -> Sql:
        key = (f"@{name}",)
        found = self._kept.get(key)
        if found is None:
            reader = self._reader
            alias = self._source or self._row
            sql = shows(reader.catalog, self._collection, alias, reader.who, reader.spoken)
            found = self._kept[key] = sql if sql in (ALWAYS, NEVER) else self._out_of_source(sql)
        return found

    def _out_of_source(self, condition: Sql) -> Sql:
        if self._source is None:
            return condition
        label = f"hf shows {len(self._computed) + 1}"
        self._computed[label] = condition
        return self._row + raw(".") + name(label)
