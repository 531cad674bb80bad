"""Who changes records, and in which request: told to the database with the change, for the trigger that captures it."""

from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.identity import Principal, PrincipalKind

SETTING: Final = "holdfast.context"
"""A setting of PostgreSQL that lasts for the transaction. Who writes by SQL may set it, too, or leave it empty."""

HOPS_HEADER: Final = b"x-holdfast-hops"
"""The header of a delivery that says how many webhooks led to it; who writes because of it sends it along."""
MOST_HOPS: Final = 1000


ActorKind: TypeAlias = PrincipalKind | Literal["server", "cli"]
"""Who can make a change: somebody who asks, the server by itself, or who may run `holdfast` on its machine."""


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Who made a change. `collection` and `id` name the record of a person, `key` is the id of an API key."""

    kind: ActorKind
    collection: str = ""
    id: str = ""
    name: str = ""
    key: str = ""


class Context(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of the origin of a change. `hops` counts the webhooks that led to it.

    `address` and `client` are known of changes to accounts, for the audit log; no event shows them. `audience` is who
    may hear of an event of a plugin over realtime; other events have none.
    """

    actor: Actor | None = None
    request: str = ""
    address: str = ""
    client: str = ""
    hops: int = 0
    audience: str = ""


NO_CONTEXT: Final = Context()
_encode: Final = msgspec.json.Encoder().encode
_decoder: Final = msgspec.json.Decoder(Context)


def context_of(who: Principal, request: str = "", hops: int = 0, address: str = "", client: str = "") -> Context:
    """The context of a change that somebody makes in a request."""
    is_server = who.kind == "superuser" and not who.record_id and not who.key_id
    actor = Actor(
        kind="server" if is_server else who.kind,
        collection=who.collection,
        id=who.record_id,
        name=who.name,
        key=who.key_id,
    )
    return Context(actor=actor, request=request, address=address, client=client, hops=hops)


def read_hops(who: Principal, header: bytes | None) -> int:
    """How many webhooks led to a request: none for whoever does not say, or says what is no number.

    Only API keys and superusers are believed: others could hide what they do from webhooks.
    """
    if not header or not (who.is_superuser or who.kind == "key"):
        return 0
    if not header.isdigit() or len(header) > len(str(MOST_HOPS)):
        return 0
    return min(int(header), MOST_HOPS)


def write_context(context: Context) -> str:
    """The text that the setting holds."""
    return _encode(context).decode()


def read_context(text: str) -> Context:
    """What the setting held. What somebody else has set it to says nothing."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return NO_CONTEXT
