"""The `search` parameter: words as people type them, found through the collection's full-text index.

search=old town -ruin "city wall" or fortres
"""

import re
from typing import Final

from holdfast.catalog.sight import Sight
from holdfast.collections.search import search_vector
from holdfast.db.sql import Sql, named, raw
from holdfast.expressions.value import ALWAYS
from holdfast.records.cursor import Key
from holdfast.records.query import refuse
from holdfast.schema.collection import Collection

WORDS: Final = "search"
"""The name under which `Inputs.named` holds the search, as `to_tsquery` reads it."""
MAX_TERMS: Final = 50
_SIGNS: Final = str.maketrans("/.@+-", "     ")  # as holdfast.search_text has it
_TERM: Final = re.compile(r'(-?)(?:"([^"]*)"?|(\S+))')


def read_search(text: str) -> str:
    """The search as `to_tsquery` reads it.

    All words have to be there, in any order; `or` stands between alternatives, `-` before what must not be there,
    words in `"` stand in a row. The last word may be the beginning of one, since it may still be being typed.
    Raises BadRequest for more than MAX_TERMS terms.
    """
    terms = list(_TERM.finditer(text))
    if len(terms) > MAX_TERMS:
        raise refuse("search", f"It has more than {MAX_TERMS} terms.")
    found = ""
    alternative = False
    for term in terms:
        minus, phrase, word = term.groups()
        if word is not None and word.lower() == "or" and not minus:
            alternative = bool(found)
            continue
        words = (phrase if word is None else word).translate(_SIGNS).strip()
        if not words:
            continue
        prefix = word is not None and term is terms[-1]
        piece = ("!" if minus else "") + _quoted(words) + (":*" if prefix else "")
        found += (" | " if alternative else " & " if found else "") + piece
        alternative = False
    return found


def _quoted(words: str) -> str:
    """Words as one operand: PostgreSQL's parser splits it, and several of them stand in a row."""
    return "'" + words.replace("\\", "\\\\").replace("'", "''") + "'"


def matches(collection: Collection, row: Sql) -> Sql:
    """The rows in which the words of the search are found. Uses the full-text index of the collection."""
    return search_vector(collection, row) + raw(" @@ ") + _asked()


def rank(collection: Collection, row: Sql) -> Key:
    """The sort of a search that names none: how often and how near to one another the words stand."""
    return Key(
        raw("ts_rank(") + search_vector(collection, row) + raw(", ") + _asked() + raw(")"), "real", descending=True
    )


def conditions(collection: Collection, sight: Sight, row: Sql) -> list[Sql]:
    """The conditions for a row to be found: that the words are in it, and that all that is searched may be read.

    Raises BadRequest unless the collection can be searched by whoever looks: what may not be read is not searched.
    """
    fields = [field for field in map(collection.by_name.get, collection.searchable) if field is not None]
    if not fields or not all(sight.knows(collection, field) for field in fields):
        raise refuse("search", "This collection has no searchable fields.")
    shown = {condition.parts: condition for condition in (sight.shows(collection, field, row) for field in fields)}
    return [matches(collection, row), *(condition for condition in shown.values() if condition is not ALWAYS)]


def _asked() -> Sql:
    return raw("to_tsquery('simple', ") + named(WORDS, "text") + raw(")")
