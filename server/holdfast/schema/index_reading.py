"""How a `CREATE INDEX` statement is read. It is never run: what was understood is written anew."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.schema.collection import Collection
from holdfast.schema.condition import (
    OPERATORS,
    Among,
    Compare,
    Condition,
    Constant,
    InvalidIndex,
    IsNull,
    Junction,
    Not,
)
from holdfast.schema.field import Field
from holdfast.schema.index import FUNCTIONS, MAX_PARTS, Index, IndexPart, check_index
from holdfast.schema.names import index_name_problem

MAX_STATEMENT_CHARS: Final = 4000
MAX_DEPTH: Final = 20
MAX_CONDITIONS: Final = 100
_TOKEN: Final = re.compile(
    r"\s*(?:"
    r"`(?P<backtick>[^`]*)`|\"(?P<quoted>[^\"]*)\"|\[(?P<bracket>[^\]]*)\]"
    r"|'(?P<string>(?:[^']|'')*)'"
    r"|(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)"
    r"|(?P<word>[^\W0-9]\w*)"
    r"|(?P<sign><=|>=|==|!=|<>|[=<>(),.;])"
    r")"
)


class _Token(msgspec.Struct, frozen=True):
    kind: str  # name (quoted), string, number, word, sign or end
    text: str

    @property
    def upper(self) -> str:
        """The keyword that an unquoted word may be; empty for all else."""
        return self.text.upper() if self.kind == "word" else ""


_END: Final = _Token("end", "")


def read_index(statement: str, fields: Mapping[str, Field], *, old_names: Mapping[str, str] | None = None) -> Index:
    """Read an index statement over these fields.

    The table's name in it is not looked at, as in PocketBase, so that a renamed collection keeps its indexes.
    `old_names` are those of fields that the same request renames (old to new). Raises InvalidIndex.
    """
    index = _Reader(_tokens(statement), fields, old_names or {}).index()
    check_index(index, fields)
    return index


def read_indexes(collection: Collection) -> dict[str, Index]:
    """The declared indexes of a collection by name."""
    found = [read_index(statement, collection.by_name) for statement in collection.indexes]
    return {index.name: index for index in found}


def _tokens(statement: str) -> list[_Token]:
    if len(statement) > MAX_STATEMENT_CHARS:
        raise InvalidIndex(f"The statement is longer than {MAX_STATEMENT_CHARS} characters.")
    tokens: list[_Token] = []
    at = 0
    end = len(statement.rstrip())
    while at < end:
        found = _TOKEN.match(statement, at)
        if found is None or found.lastgroup is None:
            raise InvalidIndex(f"At character {at + 1} there is something that no index statement holds.")
        kind, text = found.lastgroup, found[found.lastgroup]
        if kind in ("backtick", "quoted", "bracket"):
            kind = "name"
        tokens.append(_Token(kind, text.replace("''", "'") if kind == "string" else text))
        at = found.end()
    return tokens


class _Reader:
    """Reads the tokens from left to right; each method reads one thing."""

    def __init__(self, tokens: list[_Token], fields: Mapping[str, Field], old_names: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._fields = fields
        self._old_names = old_names
        self._folded = {name.lower(): name for name in fields}
        self._conditions = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _skip(self, *words: str) -> bool:
        """Skip these keywords if they come next, all of them."""
        coming = self._tokens[self._at : self._at + len(words)]
        if tuple(token.upper for token in coming) != words:
            return False
        self._at += len(words)
        return True

    def _skip_sign(self, sign: str) -> bool:
        if self._next != _Token("sign", sign):
            return False
        self._at += 1
        return True

    def _expect(self, *words: str) -> None:
        if not self._skip(*words):
            raise InvalidIndex(f"Here should be {' '.join(words)}{self._where()}.")

    def _expect_sign(self, sign: str) -> None:
        if not self._skip_sign(sign):
            raise InvalidIndex(f"Here should be {sign}{self._where()}.")

    def _where(self) -> str:
        return f", and not {self._next.text[:40]!r}" if self._next is not _END else ", and the statement ends"

    def index(self) -> Index:
        self._expect("CREATE")
        unique = self._skip("UNIQUE")
        self._expect("INDEX")
        self._skip("IF", "NOT", "EXISTS")
        name = self._name()
        problem = index_name_problem(name)
        if problem is not None:
            raise InvalidIndex(f"The name of the index: {problem}")
        self._expect("ON")
        self._name()
        self._expect_sign("(")
        parts = [self._part(0)]
        while self._skip_sign(","):
            parts.append(self._part(0))
        self._expect_sign(")")
        where = self._any(0) if self._skip("WHERE") else None
        self._skip_sign(";")
        if self._next is not _END:
            raise InvalidIndex(f"Here the statement should end{self._where()}.")
        if len(parts) > MAX_PARTS:
            raise InvalidIndex(f"An index has at most {MAX_PARTS} columns.")
        return Index(name, tuple(parts), unique, where)

    def _name(self) -> str:
        """A name, after the schema's if there is one."""
        token = self._take()
        if self._skip_sign("."):
            token = self._take()
        if token.kind not in ("name", "word"):
            raise InvalidIndex("Here should be a name.")
        return token.text

    def _field(self) -> str:
        token = self._take()
        if token.kind not in ("name", "word"):
            raise InvalidIndex(f"Here should be the name of a field, and not {token.text[:40]!r}.")
        given = token.text
        name = self._old_names.get(given, given) if given not in self._fields else given
        found = name if name in self._fields else self._folded.get(name.lower())
        if found is None:
            raise InvalidIndex(f"There is no field {given[:100]}.")
        return found

    def _part(self, depth: int) -> IndexPart:
        if depth > MAX_DEPTH:
            raise InvalidIndex(f"The columns are nested deeper than {MAX_DEPTH}.")
        if self._skip_sign("("):
            part = self._part(depth + 1)
            self._expect_sign(")")
            return part
        function = self._function()
        field = self._field()
        if function:
            self._expect_sign(")")
        folded = self._collation()
        descending = self._skip("DESC")
        if not descending:
            self._skip("ASC")
        if function in ("lower", "upper"):
            folded = False  # it makes no difference any more
        return IndexPart(field, function, folded, descending)

    def _function(self) -> str:
        after = self._tokens[self._at + 1 : self._at + 2]
        if self._next.kind != "word" or after != [_Token("sign", "(")]:
            return ""
        function = self._take().text.lower()
        if function not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise InvalidIndex(f"{function[:100]} cannot be in an index here; these functions can: {known}.")
        self._at += 1
        return function

    def _collation(self) -> bool:
        if not self._skip("COLLATE"):
            return False
        collation = self._take().text.upper()
        if collation not in ("NOCASE", "BINARY"):
            raise InvalidIndex(f"There is no COLLATE {collation[:100]} here; there are NOCASE and BINARY.")
        return collation == "NOCASE"

    def _any(self, depth: int) -> Condition:
        found = [self._all(depth)]
        while self._skip("OR"):
            found.append(self._all(depth))
        return found[0] if len(found) == 1 else Junction("OR", tuple(found))

    def _all(self, depth: int) -> Condition:
        found = [self._not(depth)]
        while self._skip("AND"):
            found.append(self._not(depth))
        return found[0] if len(found) == 1 else Junction("AND", tuple(found))

    def _not(self, depth: int) -> Condition:
        self._conditions += 1
        if depth > MAX_DEPTH or self._conditions > MAX_CONDITIONS:
            raise InvalidIndex(f"The condition is too long, or nested deeper than {MAX_DEPTH}.")
        if self._skip("NOT"):
            return Not(self._not(depth + 1))
        if self._skip_sign("("):
            inner = self._any(depth + 1)
            self._expect_sign(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        field = self._field()
        if self._skip("IS", "NOT", "NULL") or self._skip("NOTNULL"):
            return IsNull(field, negated=True)
        if self._skip("IS", "NULL") or self._skip("ISNULL"):
            return IsNull(field, negated=False)
        if self._skip("NOT", "IN"):
            return Among(field, self._constants(), negated=True)
        if self._skip("IN"):
            return Among(field, self._constants(), negated=False)
        if self._next.kind == "sign" and self._next.text in OPERATORS:
            operator = self._take().text
            normal = {"==": "=", "<>": "!="}.get(operator, operator)
            return Compare(field, normal, self._constant())
        if self._next is _END or self._next.upper in ("AND", "OR") or self._next.text in (")", ";"):
            return Compare(field, "=", Constant(content=True))
        raise InvalidIndex(f"Here should be a comparison with a constant{self._where()}.")

    def _constants(self) -> tuple[Constant, ...]:
        self._expect_sign("(")
        found = [self._constant()]
        while self._skip_sign(","):
            found.append(self._constant())
        self._expect_sign(")")
        if len(found) > MAX_CONDITIONS:
            raise InvalidIndex(f"IN takes at most {MAX_CONDITIONS} constants.")
        return tuple(found)

    def _constant(self) -> Constant:
        token = self._take()
        if token.kind == "string":
            return Constant(token.text)
        if token.kind == "number":
            return Constant(float(token.text))
        if token.upper in ("TRUE", "FALSE"):
            return Constant(token.upper == "TRUE")
        raise InvalidIndex(f"Here should be a constant such as 'draft' or 5, and not {token.text[:40]!r}.")
