"""Whether all rules can be used, and whether they keep to their tests: what `holdfast check` looks at."""

import msgspec

from holdfast.access import rule_test_service
from holdfast.access.rule_test_run import Report
from holdfast.catalog.snapshot import Catalog
from holdfast.collections.sound_rules import broken_rules
from holdfast.engine import Engine
from holdfast.errors import InvalidFilter
from holdfast.rules.check import check_rule, only_updates
from holdfast.schema.role import EVERY_COLLECTION


class BrokenRule(msgspec.Struct, frozen=True):
    """A rule that cannot be used, and so lets in nobody: `posts.listRule`, or `role editor, permission 1`."""

    where: str
    message: str


class Examined(msgspec.Struct, frozen=True):
    """What was found: `rules` have been looked at."""

    rules: int
    broken: tuple[BrokenRule, ...]
    tests: Report

    @property
    def is_sound(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.broken and not self.tests.failed


async def examine_access(engine: Engine) -> Examined:
    """Look at every rule of every collection and role, and run all rule tests."""
    catalog = engine.catalog
    broken = tuple(
        BrokenRule(f"{collection.name}.{key}", message)
        for collection in catalog.collections
        for key, message in broken_rules(catalog, collection)
    )
    return Examined(_count(catalog), broken + _broken_permissions(catalog), await rule_test_service.run(engine))


def _count(catalog: Catalog) -> int:
    of_collections = sum(
        bool(rule)
        for one in catalog.collections
        for rule in (one.list_rule, one.view_rule, one.create_rule, one.update_rule, one.delete_rule)
    )
    return of_collections + sum(bool(permission.rule) for role in catalog.roles for permission in role.permissions)


def _broken_permissions(catalog: Catalog) -> tuple[BrokenRule, ...]:
    found: list[BrokenRule] = []
    for role in catalog.roles:
        for number, permission in enumerate(role.permissions, 1):
            collection = catalog.by_id.get(permission.collection)
            if collection is None or permission.collection == EVERY_COLLECTION or not permission.rule:
                continue
            try:
                check_rule(catalog, collection, permission.rule, updates=only_updates(permission.actions))
            except InvalidFilter as failure:
                found.append(BrokenRule(f"role {role.name}, permission {number}", failure.message))
    return tuple(found)
