"""Whether the rules of all collections still mean something after a change. Pure."""

from collections.abc import Collection as Some
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.errors import InvalidFilter
from holdfast.rules.check import check_rule
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection

RULES: Final = {
    "list_rule": "listRule",
    "view_rule": "viewRule",
    "create_rule": "createRule",
    "update_rule": "updateRule",
    "delete_rule": "deleteRule",
}


MFA: Final = "mfa.rule"


def broken_rules(catalog: Catalog, collection: Collection) -> Iterator[tuple[str, str]]:
    """The rules of a collection that name what is not there, by API.md's keys, and what is wrong with each."""
    for key, rule in _rules(collection):
        try:
            check_rule(catalog, collection, rule, updates=key == RULES["update_rule"])
        except InvalidFilter as failure:
            yield key, failure.message


def _rules(collection: Collection) -> Iterator[tuple[str, str]]:
    for attribute, key in RULES.items():
        rule = cast("str | None", getattr(collection, attribute))
        if rule:
            yield key, rule
    if collection.is_auth:
        options = auth_options(collection.auth)
        rules = {"authRule": options.auth_rule, "manageRule": options.manage_rule, MFA: options.mfa.rule}
        yield from ((key, rule) for key, rule in rules.items() if rule)


def with_sound_rules(
    collections: Sequence[Collection], ids: Some[str]
) -> tuple[tuple[Collection, ...], tuple[str, ...]]:
    """The collections, with null for every broken rule of `ids`, and which rules those are (`posts.listRule`)."""
    catalog = Catalog.of(0, collections)
    closed: list[str] = []
    found: list[Collection] = []
    for collection in collections:
        broken = [key for key, _ in broken_rules(catalog, collection)] if collection.id in ids else []
        closed += [f"{collection.name}.{key}" for key in broken]
        found.append(_without(collection, broken) if broken else collection)
    return tuple(found), tuple(closed)


def _without(collection: Collection, broken: list[str]) -> Collection:
    changes: dict[str, Any] = {attribute: None for attribute, key in RULES.items() if key in broken}
    auth = collection.auth | {key: None for key in ("authRule", "manageRule") if key in broken}
    if MFA in broken:  # without its rule the second factor is asked of everyone
        auth["mfa"] = cast(dict[str, Any], auth["mfa"]) | {"rule": ""}
    return msgspec.structs.replace(collection, auth=auth, **changes)
