"""Where the values of a file stand while they are looked at: one staging column for each column of the file. Pure."""

from collections.abc import Sequence
from typing import Final

from holdfast.db.sql import Sql, inline, name, number, qualified, raw
from holdfast.schema.relation import RelationField
from holdfast.transfer.asked import ImportAsked
from holdfast.transfer.columns import FileColumn, Into
from holdfast.transfer.converter import makes_values

SCHEMA: Final = "holdfast_imports"
LINE: Final = "line"
GIVEN: Final = "given"
BODY: Final = "body"
STAGED: Final = raw("staged")
"""The alias of a row of the staging table."""


class Layout:
    """The columns of a staging table, which can become more while an NDJSON file is read.

    Beside them each row has its `line`; of NDJSON the numbers of the columns that its object has, in `given`; and
    where plugins are to be asked, what a body over HTTP would hold, in `body`.
    """

    def __init__(self, into: Into, asked: ImportAsked, *, hooked: bool = False) -> None:
        self.into = into
        self.asked = asked
        self.hooked = hooked
        self.columns: list[FileColumn] = []
        self.implicit: frozenset[int] = frozenset()  # columns that the file has not, for values that are made
        self._at: dict[str, int] = {}

    def take(self, columns: Sequence[FileColumn]) -> None:
        """Begin with these columns, and with those that make values for every new record."""
        for column in columns:
            self.add(column)
        if not self.asked.creates:
            return
        there = {column.field.name for column in self.columns}
        made = [one for one in self.into.collection.fields if makes_values(one) and one.name not in there]
        before = len(self.columns)
        for field in made:
            self.add(FileColumn(field.name, field))
        self.implicit = frozenset(range(before, len(self.columns)))

    def add(self, column: FileColumn) -> int:
        """The number of a column of the file, which is new or not."""
        if column.label not in self._at:
            self._at[column.label] = len(self.columns)
            self.columns.append(column)
        at = self._at[column.label]
        if at in self.implicit:
            self.implicit -= {at}
        return at

    def find(self, field: str) -> int | None:
        """The number of the column that sets a field, the first of them."""
        return next((at for at, column in enumerate(self.columns) if column.field.name == field), None)

    def of_field(self, field: str) -> list[int]:
        """The numbers of all columns that set a field: of NDJSON `author` and `author.email` can both be there."""
        return [at for at, column in enumerate(self.columns) if column.field.name == field]

    @property
    def is_csv(self) -> bool:
        """Whether all rows have all columns."""
        return self.asked.format == "csv"

    @property
    def explicit(self) -> list[int]:
        """The numbers of the columns that the file has."""
        return [at for at in range(len(self.columns)) if at not in self.implicit]

    def names(self) -> list[str]:
        """The names of all staging columns, in the order in which rows are written."""
        before = [LINE, *([] if self.is_csv else [GIVEN]), *([BODY] if self.hooked else [])]
        return [*before, *(column_name(at) for at in range(len(self.columns)))]

    def points_at_itself(self) -> bool:
        """Whether a record of the file can point at another one of it."""
        own = self.into.collection.id
        fields = [column.field for column in self.columns]
        return any(isinstance(field, RelationField) and field.collection_id == own for field in fields)


def column_name(at: int) -> str:
    """The name of a staging column."""
    return f"c{at}"


def staged(at: int) -> Sql:
    """A staging column of the row STAGED."""
    return STAGED + raw(".") + name(column_name(at))


def is_given(at: int) -> Sql:
    """Whether the object of the row has the column."""
    return raw("(") + number(at) + raw(" = ANY (") + STAGED + raw(".given))")


def table(import_id: str) -> Sql:
    """The staging table of an import."""
    return qualified(SCHEMA, table_name(import_id))


def table_name(import_id: str) -> str:
    """Its name in SCHEMA."""
    return f"lines_{import_id}"


def undo_table(import_id: str) -> Sql:
    """The table of what an import has written, from which it is undone."""
    return qualified(SCHEMA, f"undo_{import_id}")


def create_table(import_id: str, layout: Layout) -> str:
    """The statement that makes the staging table. Nothing of it is needed after a crash, so it is not logged."""
    head = raw("CREATE UNLOGGED TABLE ") + table(import_id) + raw(" (line bigint NOT NULL, given smallint[], body text")
    for at in range(len(layout.columns)):
        head += raw(", ") + _definition(layout, at)
    return inline(head + raw(") WITH (autovacuum_enabled = false)"))


def add_column(import_id: str, layout: Layout, at: int) -> str:
    """The statement that adds a column to it."""
    return inline(raw("ALTER TABLE ") + table(import_id) + raw(" ADD COLUMN ") + _definition(layout, at))


def _definition(layout: Layout, at: int) -> Sql:
    # A type of an extension is kept as its text.
    return name(column_name(at)) + raw(" ") + raw(layout.columns[at].field.cast.partition("::")[0])
