"""What an operator sets: which records are kept for how long."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the records of a collection are kept after the date in `field`, and what happens then.

    `only` is a filter; records that it does not find are kept. With `anonymise` the fields of `set` get these values,
    in which `{id}` is the id of the record.
    """

    collection: str
    days: Annotated[int, msgspec.Meta(ge=1, le=36_500)]
    field: str = "created"
    only: str = ""
    action: Literal["delete", "anonymise"] = "delete"
    set: Mapping[str, Any] = {}
    most: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 10_000

    def __post_init__(self) -> None:
        """Raises ValueError for a policy that anonymises nothing, or that sets something in what it deletes."""
        if (self.action == "anonymise") != bool(self.set):
            raise ValueError(f"the policy of {self.collection} needs `set` if it anonymises, and only then")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The policies, and when they are applied, as cron has it, in UTC. With `dry_run` nothing is changed."""

    policies: tuple[Policy, ...] = ()
    when: str = "30 3 * * *"
    dry_run: bool = False
