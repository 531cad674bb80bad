"""What a new collection of each type looks like before anything is filled in, for consoles and scripts."""

import secrets
from typing import Any

from holdfast.schema.auth_options import AuthOptions, store_auth_options
from holdfast.schema.collection import Collection, CollectionType
from holdfast.schema.ids import ID_CHARS
from holdfast.schema.rendering import collection_json
from holdfast.schema.system_fields import system_fields


def scaffolds() -> dict[str, dict[str, Any]]:
    """One empty collection of each type, as `GET /api/collections/meta/scaffolds` gives them."""
    return {"auth": _auth(), "base": _empty("base"), "view": _empty("view")}


def _empty(type: CollectionType) -> dict[str, Any]:
    return collection_json(Collection(id="", name="", type=type, fields=system_fields(type)))


def _auth() -> dict[str, Any]:
    # The indexes need names before the collection has an id: any that nobody else has.
    mark = "".join(secrets.choice(ID_CHARS) for _ in range(10))
    return collection_json(
        Collection(
            id="",
            name="",
            type="auth",
            fields=system_fields("auth"),
            indexes=(
                f"CREATE UNIQUE INDEX `idx_tokenKey_{mark}` ON `` (`tokenKey`)",
                f"CREATE UNIQUE INDEX `idx_email_{mark}` ON `` (`email` COLLATE NOCASE) WHERE `email` != ''",
            ),
            auth=store_auth_options(AuthOptions()),
        )
    )
