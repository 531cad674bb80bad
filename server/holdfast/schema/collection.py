"""What a collection is, as a value."""

from functools import cached_property
from typing import Any, Literal, TypeAlias

import msgspec

from holdfast.schema.field import Field

CollectionType: TypeAlias = Literal["base", "auth", "view"]
Rule: TypeAlias = str | None
"""None: superusers only. Empty: anyone. Otherwise an expression."""


class Collection(msgspec.Struct, frozen=True, kw_only=True, dict=True, rename="camel"):
    """A collection: the table or view `name` in schema public, and what the API does with it.

    `auth` holds the options of an auth collection (passwordAuth, authToken, ... in API.md's spelling),
    `view_query` the SELECT of a view. Versions are kept for `history_days`, or for ever if that is 0. `created` and
    `updated` are as the API writes dates.
    """

    id: str
    name: str
    type: CollectionType = "base"
    system: bool = False
    fields: tuple[Field, ...] = ()
    indexes: tuple[str, ...] = ()
    list_rule: Rule = None
    view_rule: Rule = None
    create_rule: Rule = None
    update_rule: Rule = None
    delete_rule: Rule = None
    events: bool = True
    history: bool = False
    history_days: int = 0
    searchable: tuple[str, ...] = ()
    cache_ttl: int = 0
    comment: str = ""
    auth: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    view_query: str = ""
    created: str = ""
    updated: str = ""

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The fields by name."""
        return {field.name: field for field in self.fields}

    @cached_property
    def by_id(self) -> dict[str, Field]:
        """The fields by their stable id."""
        return {field.id: field for field in self.fields}

    @cached_property
    def takes_files(self) -> bool:
        """Whether there is a file field."""
        return any(field.type == "file" for field in self.fields)

    def is_secret(self, field: Field) -> bool:
        """Whether the field's value goes out to nobody, superusers included: passwords, and an account's token key."""
        # With the token key anyone can sign tokens in the record's name.
        return not field.readable or (self.is_auth and field.system and field.name == "tokenKey")

    @property
    def is_view(self) -> bool:
        """Whether the collection is a read-only SELECT."""
        return self.type == "view"

    @property
    def is_auth(self) -> bool:
        """Whether the collection's records log in."""
        return self.type == "auth"
