"""What the rows of the staging table become in the collection, as SQL about the row STAGED. Pure."""

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from holdfast.db.sql import Sql, join, name, raw, value
from holdfast.records.list import BASE
from holdfast.records.values import starting_value
from holdfast.schema.autodate import AutodateField
from holdfast.schema.field import Field, FieldError
from holdfast.schema.field_default import NOW
from holdfast.schema.file import FileField
from holdfast.schema.password import PasswordField
from holdfast.transfer.converter import makes_values
from holdfast.transfer.job import ImportJob
from holdfast.transfer.layout import Layout, is_given, staged

NOW_SQL: Final = raw("date_trunc('milliseconds', now())")
TOKEN_KEY: Final = "tokenKey"


def keys_table(at: int) -> Sql:
    """The temporary table of the natural keys in a column, with the ids of the records that they name."""
    return raw("pg_temp.") + name(f"hf_keys_{at}")


class ImportValues:
    """The values for new rows and for changed ones. `nobody` is the hash of a password that nobody knows."""

    def __init__(self, job: ImportJob, layout: Layout, nobody: str = "") -> None:
        self.job = job
        self.layout = layout
        self._nobody = nobody

    @cached_property
    def of_insert(self) -> Mapping[str, Sql]:
        """A value for every field of a new row."""
        return {field.name: self._first(field) for field in self.job.collection.fields}

    @cached_property
    def of_update(self) -> Mapping[str, Sql]:
        """What is set in a row that is there: what the file has, and what follows from that."""
        found: dict[str, Sql] = {}
        for field in self.job.collection.fields:
            if field.name != "id" and not isinstance(field, FileField):
                content = self._next(field)
                if content is not None:
                    found[field.name] = content
        key = self._token_key(found)
        if key is not None:
            found[TOKEN_KEY] = key
        return found

    @property
    def given(self) -> tuple[str, ...]:
        """The fields that the file sets."""
        columns = [self.layout.columns[at] for at in self.layout.explicit]
        return tuple(dict.fromkeys(column.field.name for column in columns if column.field.settable))

    def id(self) -> Sql:
        """The id that a new row gets."""
        at = self.layout.find("id")
        return staged(at) if at is not None else raw("NULL::text")

    def _first(self, field: Field) -> Sql:
        default = self._default(field)
        found = default
        for at in self.layout.of_field(field.name):
            content = self.content(field, at)
            always = self.layout.is_csv or makes_values(field)  # every row has one
            if isinstance(field, FileField):
                content = default
            elif isinstance(field, AutodateField | PasswordField):
                content = raw("coalesce(") + content + raw(", ") + default + raw(")")
            elif not always:
                content = raw("CASE WHEN ") + is_given(at) + raw(" THEN ") + content + raw(" ELSE ") + found
                content += raw(" END")
            found = content
        return found

    def _default(self, field: Field) -> Sql:
        if not field.settable:
            return field.column().default or raw("NULL::") + raw(field.cast)
        if field.default == NOW:
            return NOW_SQL
        if isinstance(field, PasswordField) and field.system:
            return value(self._nobody, "text")
        try:
            taken = field.take(starting_value(field, self.job.who))
        except FieldError:
            taken = field.zero()  # such lines have failed already
        return value(taken, field.cast)

    def _next(self, field: Field) -> Sql | None:
        """What a field is set to; None where it stays as it is in all rows."""
        now = BASE + raw(".") + name(field.name)
        before = NOW_SQL if isinstance(field, AutodateField) and field.on_update else now
        found: Sql | None = before if before is not now else None
        for at in self.layout.of_field(field.name):
            if at in self.layout.implicit:
                continue
            content = self.content(field, at)
            if isinstance(field, AutodateField | PasswordField):
                found = raw("coalesce(") + content + raw(", ") + before + raw(")")
            elif self.layout.is_csv:
                found = content
            else:
                found = raw("CASE WHEN ") + is_given(at) + raw(" THEN ") + content + raw(" ELSE ") + (found or now)
                found += raw(" END")
        return found

    def _token_key(self, settings: Mapping[str, Sql]) -> Sql | None:
        """A new token key for accounts whose password or email becomes another: their tokens end."""
        if not self.job.collection.is_auth or TOKEN_KEY in settings:
            return None
        changes: list[Sql] = []
        passwords = [staged(at) + raw(" IS NOT NULL") for at in self.layout.of_field("password")]
        changes += passwords
        if "email" in settings:
            changes.append(BASE + raw('."email" IS DISTINCT FROM ') + settings["email"])
        if not changes:
            return None
        # 50 characters with more than 190 bits of chance, as random as PostgreSQL can be.
        made = raw("left(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 50)")
        head = raw("CASE WHEN ") + join(" OR ", changes) + raw(" THEN ")
        return head + made + raw(" ELSE ") + BASE + raw('."tokenKey" END')

    def content(self, field: Field, at: int) -> Sql:
        """The value of a staging column, as the field's column holds it."""
        column = self.layout.columns[at]
        if column.natural is not None:
            return _named(field, at)
        cast, _, further = field.cast.partition("::")
        return staged(at) + raw("::") + raw(further) if cast and further else staged(at)


def _named(field: Field, at: int) -> Sql:
    """The ids of the records that natural keys name."""
    keys = keys_table(at)
    if not field.many:
        return raw("(SELECT k.id FROM ") + keys + raw(" AS k WHERE k.key = ") + staged(at) + raw(")")
    named = raw("unnest(") + staged(at) + raw(") WITH ORDINALITY AS named(key, place)")
    found = raw("(SELECT array_agg(k.id ORDER BY named.place) FROM ") + named + raw(" JOIN ") + keys
    found += raw(" AS k ON k.key = named.key)")
    empty = raw("CASE WHEN ") + staged(at) + raw(" IS NOT NULL THEN '{}'::text[] END")
    return raw("coalesce(") + found + raw(", ") + empty + raw(")")
