"""Who is asking: one frozen value that every use case takes."""

from typing import Literal, TypeAlias

import msgspec

PrincipalKind: TypeAlias = Literal["guest", "user", "superuser", "key", "plugin"]


class Principal(msgspec.Struct, frozen=True):
    """Who is asking.

    `collection_id`, `collection` and `record_id` name the auth record behind a user or superuser;
    they are empty for a guest, for an API key and for a plugin, whose `name` says which one. `roles` are the
    sorted ids of the roles that widen what a user or a key may do. `key_id` is the API key that the request came
    with (a superuser's rights may come with one), `session_id` the session that its token belongs to.
    """

    kind: PrincipalKind = "guest"
    collection_id: str = ""
    collection: str = ""
    record_id: str = ""
    name: str = ""
    roles: tuple[str, ...] = ()
    key_id: str = ""
    session_id: str = ""

    @property
    def is_superuser(self) -> bool:
        """Whether no rule holds this principal back. A plugin is the operator's own code."""
        return self.kind in ("superuser", "plugin")

    @property
    def key(self) -> str:
        """One string per principal, for logs and for what is kept per caller: `_superusers/abc`, `guest`."""
        if self.key_id:
            return f"key:{self.key_id}"
        if self.record_id:
            return f"{self.collection}/{self.record_id}"
        return f"{self.kind}:{self.name}" if self.name else self.kind


GUEST = Principal()
