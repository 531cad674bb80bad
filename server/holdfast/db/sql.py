"""SQL as a value: text and parameters together, and the only way to make either.

Text comes from string literals in our own source (`raw`), from names (`name`) and from constants of
the catalog (`literal`), both quoted. Everything else is a bind parameter (`value`, `bind`). A type
checker rejects any other string in `raw` (PEP 675), so nothing from a request becomes SQL.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, LiteralString, Self, TypeAlias

import msgspec

if TYPE_CHECKING:  # costs 40 MB, and few servers have views
    from sqlglot import exp

MAX_IDENTIFIER_BYTES: Final = 63  # NAMEDATALEN - 1; PostgreSQL shortens longer names without an error


class Inputs:
    """What a statement is run with: the literals of its filter, the time, and named values.

    A statement that was compiled once is run with many of these.
    """

    __slots__ = ("_now", "literals", "named")

    def __init__(
        self,
        literals: tuple[object, ...] = (),
        named: Mapping[str, object] | None = None,
        now: datetime | None = None,
    ) -> None:
        self.literals = literals
        self.named: Mapping[str, object] = named or {}
        self._now = now

    @property
    def now(self) -> datetime:
        """The time, the same for the whole statement. Few ask for it, so it is looked up by the first."""
        if self._now is None:
            self._now = datetime.now(UTC)
        return self._now


NO_INPUTS: Final = Inputs()

Read: TypeAlias = Callable[[Inputs], object]
"""Fetches one bind value when the statement is run."""


class Bind(msgspec.Struct, frozen=True):
    """A bind parameter: its PostgreSQL type and where its value comes from."""

    cast: LiteralString
    read: Read


class Sql(msgspec.Struct, frozen=True):
    """A piece of SQL: text and bind parameters in order."""

    parts: tuple[str | Bind, ...] = ()

    def __add__(self, other: "Sql") -> "Sql":
        return Sql(self.parts + other.parts)

    def __bool__(self) -> bool:
        return bool(self.parts)

    @property
    def has_binds(self) -> bool:
        """Whether it has bind parameters."""
        return any(not isinstance(part, str) for part in self.parts)


class Statement(msgspec.Struct, frozen=True):
    """Finished SQL with `$1…` in place, and how to fetch what they stand for."""

    text: str
    reads: tuple[Read, ...]

    @classmethod
    def of(cls, sql: Sql) -> Self:
        """Number the parameters. The same `Bind` object twice is one parameter."""
        out: list[str] = []
        reads: list[Read] = []
        seen: dict[int, int] = {}
        for part in sql.parts:
            if isinstance(part, str):
                out.append(part)
                continue
            if id(part) not in seen:
                reads.append(part.read)
                seen[id(part)] = len(reads)
            out.append(f"${seen[id(part)]}::{part.cast}")
        return cls("".join(out), tuple(reads))

    def args(self, inputs: Inputs = NO_INPUTS) -> list[object]:
        """The bind values for one run."""
        return [read(inputs) for read in self.reads]


EMPTY: Final = Sql()


def raw(text: LiteralString) -> Sql:
    """SQL written in our own source: a type checker rejects any other string here."""
    return Sql((text,))


def name(identifier: str) -> Sql:
    """A quoted identifier.

    Raises ValueError for a name that PostgreSQL would refuse or silently shorten.
    """
    if not identifier or "\0" in identifier or len(identifier.encode()) > MAX_IDENTIFIER_BYTES:
        raise ValueError(f"not a PostgreSQL identifier: {identifier!r}")
    return Sql(('"' + identifier.replace('"', '""') + '"',))


def qualified(schema: LiteralString, identifier: str) -> Sql:
    """A quoted identifier in a schema of ours."""
    return raw(schema) + raw(".") + name(identifier)


def literal(text: str) -> Sql:
    """A quoted string constant, for what DDL cannot take as a parameter and for names of the catalog.

    Safe for any text: the E'' form means the same whatever `standard_conforming_strings` is.
    Raises ValueError for NUL, which PostgreSQL's text cannot hold.
    """
    if "\0" in text:
        raise ValueError("a string constant cannot hold NUL")
    return Sql(("E'" + text.replace("\\", "\\\\").replace("'", "''") + "'",))


def number(value: float) -> Sql:
    """A numeric constant, for what DDL cannot take as a parameter. Raises ValueError for NaN and infinities."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("a numeric constant must be finite")
    return Sql((f"({value!r})",))


def value(constant: object, cast: LiteralString) -> Sql:
    """A bind parameter with a fixed value."""
    return Sql((Bind(cast, lambda _: constant),))


def bind(read: Read, cast: LiteralString) -> Sql:
    """A bind parameter whose value is fetched from the inputs of each run."""
    return Sql((Bind(cast, read),))


def named(key: str, cast: LiteralString) -> Sql:
    """A bind parameter taken from `Inputs.named`."""
    return bind(lambda inputs: inputs.named[key], cast)


def join(separator: LiteralString, pieces: Iterable[Sql]) -> Sql:
    """The pieces with the separator between them."""
    parts: list[str | Bind] = []
    for piece in pieces:
        if parts:
            parts.append(separator)
        parts.extend(piece.parts)
    return Sql(tuple(parts))


class Spread(msgspec.Struct, frozen=True):
    """Bind parameters that became columns, so that one statement serves many runs.

    `source` is what follows FROM, with a row for each run: `ordinal`, from 1, and a column for each parameter.
    """

    source: Sql
    reads: tuple[Read, ...]

    def run(self, inputs: Inputs) -> tuple[object, ...]:
        """What the parameters are in one run. Runs that are equal in this have equal answers."""
        return tuple([read(inputs) for read in self.reads])

    def columns(self, runs: Iterable[tuple[object, ...]]) -> dict[str, object]:
        """The values for `Inputs.named` that the statement needs beside others, for these runs."""
        listed = list(runs)
        found: dict[str, object] = {_COUNT: len(listed)}
        return found | {_column(at): [run[at] for run in listed] for at in range(len(self.reads))}


_COUNT: Final = "hf runs"


def _column(at: int) -> str:
    return f"hf run {at}"


def spread(pieces: Iterable[Sql], alias: Sql) -> tuple[list[Sql], Spread]:
    """The pieces with columns of `alias` in place of their bind parameters, and what makes these columns.

    A parameter that is an array stays one, and has to be the same in all runs: `unnest` would take it apart.
    """
    binds: dict[int, Bind] = {}
    made: list[Sql] = []
    for piece in pieces:
        parts: list[str | Bind] = []
        for part in piece.parts:
            if isinstance(part, str) or part.cast.endswith("[]"):
                parts.append(part)
                continue
            binds.setdefault(id(part), part)
            parts.extend((alias + raw(".") + name(_column(list(binds).index(id(part))))).parts)
        made.append(Sql(tuple(parts)))
    arrays = [named(_column(at), bind.cast + "[]") for at, bind in enumerate(binds.values())]
    ordinals = raw("generate_series(1, ") + named(_COUNT, "bigint") + raw(")")
    labels = [raw("ordinal")]
    if arrays:
        ordinals = raw("unnest(") + join(", ", arrays) + raw(") WITH ORDINALITY")
        labels = [*(name(_column(at)) for at in range(len(arrays))), raw("ordinal")]
    source = ordinals + raw(" AS ") + alias + raw(" (") + join(", ", labels) + raw(")")
    return made, Spread(source, tuple(bind.read for bind in binds.values()))


def renamed(sql: Sql, old: Sql, new: Sql) -> Sql:
    """The SQL about `new` instead of `old`, which is a name that stands for nothing else in it."""
    (before,), (after,) = old.parts, new.parts
    return Sql(tuple(after if part == before else part for part in sql.parts))


def rebuilt(tree: "exp.Query") -> Sql:
    """The query of a view, written anew from its syntax tree: every name quoted, every string escaped, no comments.

    The one door for SQL that began as somebody's text. Only collections/view_query.py may call it, after it has
    checked every node of the tree against a list of what is allowed.
    """
    return Sql((tree.sql(dialect="postgres", identify=True, comments=False, pretty=False),))


def as_written(text: str) -> Sql:
    """A statement as somebody has written it, who may write any.

    Only sql_console/answering.py may call it, for connections of a role that can do no harm with it.
    """
    return Sql((text,))


def inline(sql: Sql) -> str:
    """The text of SQL that has no parameters, for DDL.

    Raises ValueError when it has some: DDL takes none.
    """
    texts = [part for part in sql.parts if isinstance(part, str)]
    if len(texts) != len(sql.parts):
        raise ValueError("this SQL has bind parameters")
    return "".join(texts)
