"""What it means to the client when PostgreSQL refuses a step of a change."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import asyncpg
import msgspec

from holdfast.collections.plan import Weighed
from holdfast.errors import ApiError, BadRequest, Problem, Problems, Unavailable, ValidationFailed

TOO_LONG: Final = "The change takes longer than the setting statement_timeout_ms allows. Nothing was changed."
FILL: Final = "validation_invalid_fill"
_NOT_AN_EXPRESSION: Final = ("42", "22", "0A", "21")  # SQLSTATE classes, of a value that a new field is filled with
_OUTSIDE: Final = (
    "Something that was made outside Holdfast depends on {0}: a view, a rule or a function in the database."
)


class Places(msgspec.Struct, frozen=True):
    """Where in the request things stand, by the ids of collections.

    `paths` leads to a collection: nowhere for one alone, to `collections.2` in an import. `fields` says which place
    in the request's list a field has that has another one in the collection, such as behind a system field.
    """

    paths: Mapping[str, tuple[str, ...]] = {}
    fields: Mapping[tuple[str, str], str] = {}

    def problem(self, source: str, where: Sequence[str], problem: Problem) -> Problems:
        """The problem, nested as the request is."""
        return self.problems([(source, where, problem)])

    def problems(self, found: Iterable[tuple[str, Sequence[str], Problem]]) -> Problems:
        """The same for many: the id of the collection, the place in it, and what is wrong there."""
        nested: dict[str, Any] = {}
        for source, where, problem in found:
            inner = nested
            path = (*self.paths.get(source, ()), *self._asked(source, tuple(where)))
            for key in path[:-1]:
                inner = inner.setdefault(key, {})
            inner[path[-1]] = problem
        return nested

    def _asked(self, source: str, where: tuple[str, ...]) -> tuple[str, ...]:
        if len(where) < 2 or where[0] != "fields":
            return where
        return ("fields", self.fields.get((source, where[1]), where[1]), *where[2:])


def refused(failure: asyncpg.PostgresError, weighed: Weighed, places: Places) -> ApiError | None:
    """The client's view of a step that failed; None where there is no better word than the general one."""
    step = weighed.step
    state = failure.sqlstate or ""
    message = _field_message(state)
    unfit = unfit_fill(failure) if step.action == "fill_field" else ""
    if unfit:
        return ValidationFailed(places.problem(step.source, step.where, Problem(FILL, unfit)))
    if message is not None and step.where:
        problem = Problem("validation_invalid_value", message)
        return ValidationFailed(places.problem(step.source, step.where, problem))
    if state in ("42P07", "42710") and step.source:
        problem = Problem("validation_collection_name_exists", "Something else in the database has this name already.")
        return ValidationFailed(places.problem(step.source, step.where or ("name",), problem))
    if state in ("2BP01", "0A000"):
        return BadRequest(_OUTSIDE.format(step.collection))
    if state in ("54011", "54000"):
        return BadRequest(f"{step.collection} would get more or wider columns than PostgreSQL can keep in a table.")
    if state == "42501":
        return BadRequest(f"The database role of the server may not do this: {step.action} of {step.collection}.")
    if state == "57014":
        return Unavailable(TOO_LONG)
    return None


def unfit_fill(failure: asyncpg.PostgresError) -> str:
    """What PostgreSQL has against what a field is to be filled with; empty for a failure of another sort."""
    is_meant = (failure.sqlstate or "").startswith(_NOT_AN_EXPRESSION)
    return f"PostgreSQL does not take it: {failure.message}." if is_meant else ""


def _field_message(state: str) -> str | None:
    if state in ("54000", "54011"):
        return "Some values are too long for an index (PostgreSQL takes about 2,700 bytes)."
    if state.startswith("22"):
        return "Some values cannot become what this asks for."
    if state == "23503":
        return "Some values point at records that are not there."
    return None


def not_unique(weighed: Weighed, places: Places, duplicates: int) -> ApiError:
    """What is said when the rows that are there stand against a unique index."""
    rows = "1 row has a value" if duplicates == 1 else f"{duplicates} rows have values"
    message = f"{rows} that another row has, too: these cannot be unique."
    return ValidationFailed(
        places.problem(weighed.step.source, weighed.step.where, Problem("validation_not_unique", message))
    )
