"""Names that PocketBase takes and Holdfast does not get others, and rules speak of them by these. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from holdfast.db.sql import MAX_IDENTIFIER_BYTES
from holdfast.pocketbase.source_collection import SourceCollection
from holdfast.schema.names import collection_name_problem, field_name_problem, index_name_problem

_NO_LETTER: Final = re.compile(r"[^A-Za-z0-9_]+")
_INDEX: Final = re.compile(
    r"(?P<head>\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?)"
    r"(?P<name>`[^`]*`|\"[^\"]*\"|\[[^\]]*\]|[^\s(]+)",
    re.IGNORECASE,
)
# Of a rule: texts and comments, which nothing is renamed in, and what is made of names and points.
_PIECE: Final = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|//[^\n]*|[@A-Za-z0-9_][@A-Za-z0-9_.:]*")
_NO_FIELDS: Final = ("@request.query.", "@request.headers.")


class Renames(msgspec.Struct, frozen=True):
    """The new names: of collections by their ids, of fields by the ids of collections and their old names.

    `spoken` are the old names by which rules may mean a field or a collection, with the new ones; `unclear` those
    that mean a renamed field in one collection and another in the next.
    """

    collections: Mapping[str, str]
    fields: Mapping[str, Mapping[str, str]]
    spoken: Mapping[str, str]
    unclear: frozenset[str]

    def collection(self, source: SourceCollection) -> str:
        """The name of a collection."""
        return self.collections.get(source.id, source.name)

    def field(self, source: SourceCollection, name: str) -> str:
        """The name of a field."""
        return self.fields.get(source.id, {}).get(name, name)


def find_renames(sources: Iterable[SourceCollection]) -> Renames:
    """The names that have to be others."""
    listed = list(sources)
    taken = {one.name.lower() for one in listed}
    collections: dict[str, str] = {}
    fields: dict[str, dict[str, str]] = {}
    kept: set[str] = set()
    for one in listed:
        if not one.system and collection_name_problem(one.name) is not None:
            collections[one.id] = _free(_plain(one.name, "records").lstrip("_"), taken, "records")
        renamed = _renamed_fields(one) if not one.is_view else {}
        if renamed:
            fields[one.id] = renamed
        kept.update(str(field.get("name")) for field in one.fields if field.get("name") not in renamed)
    spoken = {old: new for names in fields.values() for old, new in names.items()}
    spoken |= {one.name: collections[one.id] for one in listed if one.id in collections}
    return Renames(collections, fields, spoken, frozenset(spoken) & kept)


def _renamed_fields(source: SourceCollection) -> dict[str, str]:
    names = [str(field.get("name", "")) for field in source.fields]
    taken = {name.lower() for name in names}
    own = {str(field.get("name", "")) for field in source.fields if field.get("system")}
    found: dict[str, str] = {}
    for name in names:
        if name not in own and field_name_problem(name, auth=source.type == "auth") is not None:
            found[name] = _free(_plain(name, "field"), taken, "field")
    return found


def _plain(name: str, word: str) -> str:
    plain = _NO_LETTER.sub("_", name).replace("_via_", "_by_")
    if plain[:1].isdigit():
        plain = f"{word[0]}_{plain}"
    return plain[: MAX_IDENTIFIER_BYTES - 12] or word


def _free(plain: str, taken: set[str], word: str) -> str:
    """A name that nobody has: the plain one, or that with a word behind it."""
    is_fine = field_name_problem(plain, auth=True) is None and collection_name_problem(plain) is None
    tries = [plain] if is_fine and plain else []
    tries += [f"{plain}_{word}", *(f"{plain}_{word}{number}" for number in range(2, 1000))]
    found = next(one for one in tries if one.lower() not in taken)
    taken.add(found.lower())
    return found


def renamed_rule(rule: str, renames: Renames) -> str | None:
    """The rule with the new names; None where it cannot be told what an old one means."""
    unclear = False

    def replaced(piece: re.Match[str]) -> str:
        nonlocal unclear
        text = piece[0]
        if text[0] in "'\"/" or text.startswith(_NO_FIELDS):
            return text
        parts = re.split(r"([.:]|_via_)", text)
        unclear = unclear or any(part in renames.unclear for part in parts)
        return "".join(renames.spoken.get(part, part) for part in parts)

    found = _PIECE.sub(replaced, rule)
    return None if unclear else found


def spare_index(source: SourceCollection, at: int) -> str:
    """The name for an index that cannot have its own."""
    return f"idx_{source.id}_{at}"


def renamed_index(statement: str, fields: Mapping[str, str], fallback: str) -> str:
    """An index statement with the new names of fields, and a name that it can have."""
    found = _INDEX.match(statement)
    if found is None:
        return statement
    rest = statement[found.end() :]
    for old, new in fields.items():
        rest = re.sub(rf"(?<![A-Za-z0-9_]){re.escape(old)}(?![A-Za-z0-9_])", new, rest)
    name = found["name"].strip('`"[]')
    if index_name_problem(name) is not None:
        name = fallback
    return f"{found['head']}`{name}`{rest}"
