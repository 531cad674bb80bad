"""Who may read what, as conditions in SQL."""

import pytest

from holdfast.errors import Forbidden
from holdfast.identity import GUEST, Principal
from holdfast.rules.access import EVERY_ROW, NO_ROW, Audience, audience, gate, guard
from holdfast.schema.collection import Collection, Rule

ROOT = Principal("superuser", "c1", "_superusers", "r1")
USER = Principal("user", "c2", "users", "r2")
PLUGIN = Principal("plugin", name="shop")


@pytest.mark.parametrize(
    ("who", "rule", "passes"),
    [
        (ROOT, None, True), (ROOT, "", True), (ROOT, "a = 1", True),
        (USER, None, False), (USER, "", True), (USER, "a = 1", False),
        (GUEST, None, False), (GUEST, "", True), (GUEST, "a = 1", False), (GUEST, " ", False),
        (PLUGIN, None, False), (PLUGIN, "", True),
    ],
)  # fmt: skip
def test_a_rule_is_open_to_all_or_to_superusers(who: Principal, rule: Rule, passes: bool):
    if passes:
        assert guard(who, rule) is EVERY_ROW
        return
    with pytest.raises(Forbidden):
        guard(who, rule)


@pytest.mark.parametrize(
    ("rule", "guest"), [pytest.param(None, NO_ROW), pytest.param("", EVERY_ROW), pytest.param("a = 1", NO_ROW)]
)
def test_a_path_sees_what_the_rule_of_its_kind_opens(rule: Rule, guest: object):
    listed = Collection(id="c", name="c", list_rule=rule, view_rule=None if rule == "" else "")
    viewed = Collection(id="c", name="c", view_rule=rule, list_rule=None if rule == "" else "")
    assert gate(audience(GUEST), "list")(listed) is guest
    assert gate(audience(GUEST), "view")(viewed) is guest
    assert gate(audience(ROOT), "list")(listed) is EVERY_ROW
    assert gate(audience(ROOT), "view")(viewed) is EVERY_ROW


def test_an_audience_has_nothing_that_differs_between_its_members():
    assert audience(USER) == audience(Principal("user", "c2", "users", "another")) == Audience(collection_id="c2")
    assert audience(GUEST) == audience(PLUGIN) == Audience()
    assert audience(ROOT) == Audience(superuser=True)
