"""Writes the clients, the batches, the events and `__init__.py` of a package."""

from collections.abc import Sequence
from typing import Final

from holdfast_sdk.generator.models import names_of
from holdfast_sdk.generator.names import sentence
from holdfast_sdk.generator.plan import PlannedCollection
from holdfast_sdk.generator.text import Type, call, docstring, imports, listed, literal, member
from holdfast_sdk.runtime import exported
from holdfast_sdk.schema import Schema

HEAD: Final = '''"""{title}"""

from __future__ import annotations

import typing

from . import models
from .batches import Tables
from ._runtime.{folder} import parts as hf

SCHEMA: typing.Final = {schema}
'''
BATCH_HEAD: Final = '''"""The collections of a batch, whichever client does it."""

from __future__ import annotations

from . import models
from ._runtime import batching as hf


class Tables:
    """Writes that wait for the end of the batch."""

    hf_plan: hf.Plan
'''
BATCH: Final = '''
    def batch(self, *, key: str = "") -> {prefix}Batch:
        """Several writes in one transaction, done at the end of a `with` block. `key` is an Idempotency-Key."""
        return {prefix}Batch(self.hf_core, key)
'''
EVENTS: Final = '''"""The events of webhooks, each with the record as it is typed."""

from __future__ import annotations

import typing

from . import models
from ._runtime import model as hf

if typing.TYPE_CHECKING:
    from .webhooks.verification import Headers

    Event: typing.TypeAlias = {union}
else:
    Event = hf.RecordEvent | hf.OtherEvent

EVENTS: typing.Final = {kinds}


def read_event(body: bytes, headers: Headers, secrets: str | hf.Sequence[str], tolerance: float = 300.0) -> Event:
    """The event of a request, after a look at its signature and its age: `body` is what came, byte by byte.

    Raises webhooks.NotVerified.
    """
    from . import webhooks

    webhooks.verify(body, headers, secrets, tolerance)
    found: Event = hf.read_record_event(body, EVENTS, models)
    return found
'''
LATER: Final = """else:
    from ._runtime.lazily import lazily

    FILES = {
        "AsyncBatch": ".async_client",
        "AsyncClient": ".async_client",
        "Batch": ".client",
        "Client": ".client",
        "Event": ".events",
        "read_event": ".events",
    }
    __getattr__ = lazily(__name__, FILES, otherwise=".models")

"""
KINDS: Final = {"base": "Table", "auth": "Accounts", "view": "View"}
MADE: Final = {
    "async_client": ["AsyncBatch", "AsyncClient"],
    "client": ["Batch", "Client"],
    "events": ["Event", "read_event"],
}


def client(schema: Schema, collections: Sequence[PlannedCollection], prefix: str) -> str:
    """The text of a client: `prefix` is `Async`, or nothing for the one that waits."""
    kind, folder = ("asynchronous", "aio") if prefix else ("synchronous", "sync")
    title = f"The {kind} client, and its batches."
    head = HEAD.replace("{title}", title).replace("{folder}", folder).replace("{schema}", literal(schema.schema))
    batch = call(f"class {prefix}Batch", ["Tables", f"hf.{prefix}BaseBatch"], ":")
    parts = [
        head,
        f"\n\n{batch}",
        docstring(f"Several writes in one transaction, {kind}."),
        f"\n\nclass {prefix}Client(hf.{prefix}BaseClient):\n",
        docstring(f"The {kind} client."),
        "\n    hf_schema: typing.ClassVar[str] = SCHEMA\n",
        *(_member(one, prefix) for one in collections),
        BATCH.replace("{prefix}", prefix),
    ]
    return "".join(parts)


def _member(one: PlannedCollection, prefix: str) -> str:
    kind = f"hf.{prefix}{KINDS[one.collection.type]}"
    given = _three(one) if one.can_write else (f"models.{one.base}Record",)
    arguments = ["self.hf_core", literal(one.collection.name), f"models.{one.base}Record"]
    value = call(f"        return {kind}", arguments)
    return member(one.attribute, Type(kind, given), _about(one), value, cached=True)


def _about(one: PlannedCollection) -> str:
    comment = sentence(one.collection.comment)
    return f"`{one.collection.name}`." + (f" {comment}" if comment else "")


def _three(one: PlannedCollection) -> tuple[str, ...]:
    return tuple(f"models.{one.base}{part}" for part in ("Record", "Create", "Update"))


def batches(collections: Sequence[PlannedCollection]) -> str:
    """The text of `batches.py`."""
    parts = [BATCH_HEAD]
    for one in collections:
        if one.can_write:
            arguments = ["self.hf_plan", literal(one.collection.name), f"models.{one.base}Record"]
            value = call("        return hf.BatchTable", arguments)
            parts.append(member(one.attribute, Type("hf.BatchTable", _three(one)), _about(one), value, cached=True))
    return "".join(parts)


def events(collections: Sequence[PlannedCollection]) -> str:
    """The text of `events.py`."""
    many = [one for one in collections if one.can_write]
    kinds = "".join(f"    {literal(one.collection.name)}: {literal(f'{one.base}Event')},\n" for one in many)
    union = [*(f"models.{one.base}Event" for one in many), "hf.OtherEvent"]
    text = EVENTS.replace("{union}", _wrapped(union))
    return text.replace("{kinds}", f"{{\n{kinds}}}" if kinds else "dict[str, str]()")


def _wrapped(union: Sequence[str]) -> str:
    line = " | ".join(union)
    if len(line) + len("    Event: typing.TypeAlias = ") <= 120:
        return line
    first, *rest = union
    return f"(\n        {first}\n" + "".join(f"        | {one}\n" for one in rest) + "    )"


def init(schema: Schema, collections: Sequence[PlannedCollection]) -> str:
    """The text of `__init__.py`: every name that a program needs, read when it asks for it if it is of this schema."""
    own = sorted(exported.__all__)
    shown = [imports(f".{file}", names, "    ") for file, names in MADE.items()]
    of_models = sorted(name for one in collections for name in names_of(one))
    return "".join(
        [
            f'"""The client of {sentence(schema.name)}, version {schema.version}: typed for its collections."""\n\n',
            "import typing\n\n",
            imports("._runtime.exported", own),
            "\nif typing.TYPE_CHECKING:\n",
            *shown,
            imports(".models", of_models, "    ") if of_models else "",
            LATER,
            f"\n__version__ = {literal(schema.version)}\n\n",
            listed("__all__", sorted([*own, *(name for names in MADE.values() for name in names), *of_models])),
        ]
    )
