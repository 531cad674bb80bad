"""What is wrong with a plugin is said before it is made."""

from typing import Any

import msgspec
import pytest

from holdfast.hooks.table import HOOKS, NO_HOOKS, Hooks, make_hooks, overridden
from holdfast.plugin import Plugin
from holdfast.plugins.routes import described
from holdfast.plugins.soundness import wrong_class


class NoDefault(msgspec.Struct):
    words: list[str]


async def misspelt(self: Plugin, ctx: Any, draft: Any) -> None: ...


async def too_few(self: Plugin, ctx: Any) -> None: ...


def not_async(self: Plugin, ctx: Any, draft: Any) -> None: ...


def plugin(**members: Any) -> type[Plugin]:
    return type("Made", (Plugin,), {"name": "words", **members})


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"name": "Words"}, "its `name` has to be small letters"),
        ({"name": "my-words"}, "its `name` has to be small letters"),
        ({"name": None}, "its `name` has to be small letters"),
        ({"name": "auth"}, "it cannot be called auth"),
        ({"priority": "first"}, "its `priority` has to be a whole number"),
        ({"priority": True}, "its `priority` has to be a whole number"),
        ({"record_before_create": not_async}, "its record_before_create has to be an `async def`"),
        ({"record_before_create": too_few}, "its record_before_create has to take self, ctx, draft"),
        ({"record_before_creates": misspelt}, "there is no hook record_before_creates; perhaps record_before_create"),
        ({"Settings": dict}, "its `Settings` have to be a msgspec struct"),
        ({"Settings": NoDefault}, "its settings have no default for words"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:40],
)
def test_a_class_that_cannot_work_is_refused_with_the_reason(members: dict[str, Any], reason: str):
    assert wrong_class(plugin(**members)).startswith(reason)


def test_a_plugin_that_overrides_nothing_is_sound_and_costs_nothing():
    assert wrong_class(plugin()) == ""
    assert make_hooks([(plugin()(), lambda _: pytest.fail("no context is made"))]) == NO_HOOKS


def test_only_what_is_overridden_is_called_in_the_order_of_the_plugins():
    def make(_: Any) -> Any: ...

    first, second = plugin(record_before_create=misspelt)(), plugin(name="b", record_before_create=misspelt)()
    hooks = make_hooks([(first, make), (second, make)])
    assert [called.plugin for called in hooks.record_before_create] == ["words", "b"]
    others = (hooks.updates, hooks.deletes, hooks.lists, hooks.aggregates)
    assert (hooks.creates, *others) == (True, False, False, False, False)
    assert overridden(first) == ("record_before_create",)


def test_every_hook_of_the_interface_can_be_called_and_nothing_else():
    flags = {name for name, kind in Hooks.__annotations__.items() if kind is bool}
    assert set(Hooks.__struct_fields__) - flags == set(HOOKS)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"__doc__": "Counts words.\n\nAnd more."}, "Counts words."),
        ({"__doc__": "Counts words.", "description": "Its own"}, "Its own"),
        ({}, ""),
    ],
    ids=["docstring", "both", "neither"],
)
def test_a_plugin_is_described_by_itself(members: dict[str, Any], said: str):
    assert described(plugin(**members)()) == said
