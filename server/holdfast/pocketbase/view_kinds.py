"""What PocketBase's views read: of each column the sort of field that it is, which SQLite does not know. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlglot import exp

from holdfast.pocketbase.source_collection import SourceCollection

_MANY: Final = ("select", "file", "relation")
EMPTY_IS_NULL: Final = frozenset(("date", "autodate", "relation", "json"))
"""Where SQLite keeps an empty text and PostgreSQL null."""
MOMENTS: Final = frozenset(("date", "autodate"))


class CannotTranslate(Exception):
    """A query of which no PostgreSQL can be made that is known to mean the same; the message says why."""


class Kinds:
    """Looks up columns in the tables that a query names."""

    def __init__(self, sources: Iterable[SourceCollection]) -> None:
        self._tables = {source.name.lower(): _kinds(source) for source in sources}
        self._aliases: dict[str, str] = {}
        self._names: set[str] = set()

    def of_query(self, tree: exp.Expr) -> "Kinds":
        """The same for one query, with its aliases."""
        found = Kinds(())
        found._tables = self._tables
        for table in tree.find_all(exp.Table):
            found._aliases[table.alias_or_name.lower()] = table.name.lower()
        found._names = {name for columns in self._tables.values() for name in columns} | set(self._tables)
        found._names |= {alias.alias.lower() for alias in tree.find_all(exp.Alias, exp.TableAlias) if alias.alias}
        found._names |= set(found._aliases)
        return found

    def kind(self, node: Any) -> str:
        """The sort of a column: `list`, or the type of the field; nothing for what is no field, or may be several."""
        while isinstance(node, exp.Paren):
            node = node.this
        if not isinstance(node, exp.Column):
            return ""
        name = node.name.lower()
        if node.table:
            return self._tables.get(self._aliases.get(node.table.lower(), ""), {}).get(name, "")
        kinds = {self._tables[table][name] for table in self._aliases.values() if name in self._tables.get(table, {})}
        return next(iter(kinds)) if len(kinds) == 1 else ""

    def is_name(self, name: str) -> bool:
        """Whether anything in sight is called so."""
        return name.lower() in self._names


def _kinds(source: SourceCollection) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for field in source.fields:
        type, most = str(field.get("type", "")), field.get("maxSelect") or 0
        is_many = type in _MANY and isinstance(most, int) and most > 1
        found[str(field.get("name", "")).lower()] = "list" if is_many else type
    return found
