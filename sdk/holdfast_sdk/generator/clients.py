"""Writes `client.py`, `events.py` and `__init__.py` of a package."""

from collections.abc import Iterable, Sequence
from typing import Final

from holdfast_sdk.generator.models import WIDTH, literal
from holdfast_sdk.generator.names import sentence
from holdfast_sdk.generator.plan import PlannedCollection
from holdfast_sdk.runtime import exported
from holdfast_sdk.schema import Schema

CLIENT_HEAD: Final = '''"""The clients: one for `async`, one for everybody else, and the batches of both."""

from __future__ import annotations

import functools
import typing

from . import models
from ._runtime import model as hf

SCHEMA: typing.Final = {schema}
'''
EVENTS_HEAD: Final = '''"""The events of webhooks, each with the record as it is typed."""

from __future__ import annotations

import typing

from . import models
from ._runtime import model as hf

if typing.TYPE_CHECKING:
    from .webhooks.verification import Headers
'''
READ_EVENT: Final = '''

def read_event(body: bytes, headers: Headers, secrets: str | hf.Sequence[str], tolerance: float = 300.0) -> Event:
    """The event of a request, after a look at its signature and its age: `body` is what came, byte by byte.

    Raises webhooks.NotVerified.
    """
    from . import webhooks

    webhooks.verify(body, headers, secrets, tolerance)
    found: Event = hf.read_record_event(body, EVENTS)
    return found
'''
LATER: Final = '''
def __getattr__(name):
    """The events, which take a while to make and are for who receives webhooks."""
    from . import events

    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(events, name)
'''


def client(schema: Schema, collections: Sequence[PlannedCollection]) -> str:
    """The text of `client.py`."""
    parts = [CLIENT_HEAD.replace("{schema}", literal(schema.schema))]
    for prefix in ("Async", ""):
        article = "asynchronous" if prefix else "synchronous"
        parts += _class(f"{prefix}Batch(hf.{prefix}BaseBatch)", f"Several writes in one transaction, {article}.")
        parts += [_batch_member(one) for one in collections if one.can_write]
        parts += _class(f"{prefix}Client(hf.{prefix}BaseClient)", f"The {article} client.")
        parts.append("\n    hf_schema: typing.ClassVar[str] = SCHEMA\n")
        parts += [_client_member(one, prefix) for one in collections]
        parts.append(_BATCH.replace("{prefix}", prefix))
    return "".join(parts)


_BATCH: Final = '''
    def batch(self, *, key: str = "") -> {prefix}Batch:
        """Several writes in one transaction, done at the end of a `with` block. `key` is an Idempotency-Key."""
        return {prefix}Batch(self.hf_core, key)
'''


def _class(head: str, title: str) -> list[str]:
    return [f"\n\nclass {head}:\n", f'    """{title}"""\n']


def _member(one: PlannedCollection, type: str, value: str) -> str:
    comment = sentence(one.collection.comment)
    about = f"`{one.collection.name}`." + (f" {comment}" if comment else "")
    head = f"    def {one.attribute}(self) -> {type}:\n"
    if len(head) > WIDTH + 1:
        head = f"    def {one.attribute}(\n        self,\n    ) -> {type}:\n"
    return f'\n    @functools.cached_property\n{head}        """{about}"""\n        return {value}\n'


def _batch_member(one: PlannedCollection) -> str:
    type = f"hf.BatchTable[{_three(one)}]"
    return _member(one, type, f"hf.BatchTable(self.hf_plan, {literal(one.collection.name)}, models.{one.base}Record)")


def _client_member(one: PlannedCollection, prefix: str) -> str:
    kind = {"base": "Table", "auth": "Accounts", "view": "View"}[one.collection.type]
    given = _three(one) if one.can_write else f"models.{one.base}Record"
    value = f"hf.{prefix}{kind}(self.hf_core, {literal(one.collection.name)}, models.{one.base}Record)"
    return _member(one, f"hf.{prefix}{kind}[{given}]", value)


def _three(one: PlannedCollection) -> str:
    return ", ".join(f"models.{one.base}{part}" for part in ("Record", "Create", "Update"))


def events(collections: Iterable[PlannedCollection]) -> str:
    """The text of `events.py`."""
    many = [one for one in collections if one.can_write]
    parts = [EVENTS_HEAD]
    for one in many:
        parts += [
            f"\n\nclass {one.base}Event(hf.RecordEvent[models.{one.base}Record], frozen=True, kw_only=True):\n",
            f'    """A record of `{one.collection.name}` was made, changed or deleted."""\n',
        ]
    kinds = "".join(f"    {literal(one.collection.name)}: {one.base}Event,\n" for one in many)
    union = " | ".join([*(f"{one.base}Event" for one in many), "hf.OtherEvent"])
    parts.append(f"\n\nEvent: typing.TypeAlias = {_wrapped(union)}\n")
    parts.append(f"EVENTS: typing.Final[dict[str, type[hf.Any]]] = {{{chr(10) + kinds if kinds else ''}}}\n")
    return "".join(parts) + READ_EVENT


def _wrapped(union: str) -> str:
    if len(union) + len("Event: typing.TypeAlias = ") <= 120:
        return union
    first, *rest = union.split(" | ")
    return f"(\n    {first}\n" + "".join(f"    | {one}\n" for one in rest) + ")"


def init(schema: Schema, collections: Sequence[PlannedCollection]) -> str:
    """The text of `__init__.py`: every name that a program needs. Events are read when somebody asks for one."""
    of_models = sorted(name for one in collections for name in _model_names(one))
    of_events = sorted([*(f"{one.base}Event" for one in collections if one.can_write), "Event", "read_event"])
    own = sorted(exported.__all__)
    clients = ["AsyncBatch", "AsyncClient", "Batch", "Client"]
    every = sorted({*of_models, *of_events, *own, *clients})
    return (
        f'"""The client of {sentence(schema.name)}, version {schema.version}: typed for its collections."""\n\n'
        + "import typing\n\n"
        + _import("._runtime.exported", own)
        + _import(".client", clients)
        + (_import(".models", of_models) if of_models else "")
        + "\nif typing.TYPE_CHECKING:\n"
        + _indented(_import(".events", of_events, WIDTH - 4))
        + "else:\n"
        + _indented(LATER)
        + f"\n\n__version__ = {literal(schema.version)}\n"
        + f"\n__all__ = [\n{''.join(f'    {literal(name)},{chr(10)}' for name in every)}]\n"
    )


def _indented(text: str) -> str:
    return "".join(f"    {line}" if line.strip() else line for line in text.splitlines(keepends=True))


def _model_names(one: PlannedCollection) -> list[str]:
    parts = ["", "Record", "Fields", *(["Create", "Update"] if one.can_write else [])]
    parts += ["Expand"] if one.relations else []
    aliases = [field.alias for field in one.fields if field.alias]
    return [one.base + part for part in parts] + aliases


def _import(module: str, names: Sequence[str], width: int = WIDTH) -> str:
    line = f"from {module} import {', '.join(names)}\n"
    if len(line) <= width + 1:
        return line
    return f"from {module} import (\n{''.join(f'    {name},{chr(10)}' for name in names)})\n"
