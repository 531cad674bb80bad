"""A version of a record, as a value: what the record was after a change, and before it. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from holdfast.events.context import NO_CONTEXT, Context, read_context
from holdfast.events.remembering import field_of

Action: TypeAlias = Literal["first", "created", "updated", "deleted", "restored", "redacted"]
State: TypeAlias = Mapping[str, Any]
"""Values of a record by the forms of its fields, so that they mean something under whatever names."""

ALL: Final = "*"
FIRST: Final = 0
"""The number of the version that stands for what a record was before the first change that is kept."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version. `after` is None for a mark that holds no record; of a deleted record it is what it was.

    `names` are those that the fields had then, by their forms. `redacted` are the ids of fields that the version has
    lost, or ALL.
    """

    id: int
    seq: int | None = None
    at: str
    action: Action
    names: Mapping[str, str]
    after: State | None
    before: State = {}
    context: Context = NO_CONTEXT
    redacted: tuple[str, ...] = ()

    @property
    def was(self) -> State | None:
        """The record before the change; None where there was none, or where nobody knows."""
        if self.after is None or self.action in ("created", "restored"):
            return None
        return {**self.after, **self.before}

    def lost(self, form: str) -> bool:
        """Whether the field's value was redacted."""
        return ALL in self.redacted or field_of(form) in self.redacted


def read_version(row: Mapping[str, Any]) -> Version:
    """The version of a row, as `store` selects it."""
    names: dict[str, str] = msgspec.json.decode(row["names"])
    forms = {name: form for form, name in names.items()}
    action: Action = row["action"]
    if action == "created" and row["follows"] == "deleted":
        action = "restored"
    return Version(
        id=row["id"],
        seq=row["seq"],
        at=row["stamped"],
        action=action,
        names=names,
        after=None if row["record"] is None else state(row["record"], forms),
        before={} if row["previous"] is None else state(row["previous"], forms),
        context=NO_CONTEXT if row["context"] is None else read_context(row["context"]),
        redacted=tuple(row["redacted"]),
    )


def state(text: str, forms: Mapping[str, str]) -> State:
    """A record of the log by the forms of its fields; what no form is known of is left out."""
    found: Any = msgspec.json.decode(text)
    if not isinstance(found, dict):
        return {}
    values = cast("dict[str, Any]", found)
    return {forms[name]: value for name, value in values.items() if name in forms}
