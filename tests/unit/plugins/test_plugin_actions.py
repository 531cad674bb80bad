"""What is wrong with the record actions of a plugin is said before any of them is offered."""

from collections.abc import Mapping
from typing import Any

import pytest

from holdfast.plugin import Context, NoSettings, RecordAction
from holdfast.plugins.action_soundness import wrong_actions
from holdfast.plugins.offering import offered_of


async def act(ctx: Context, record: Mapping[str, Any]) -> None: ...


async def alone(ctx: Context) -> None: ...


def at_once(ctx: Context, record: Mapping[str, Any]) -> None: ...


def names(_: Any) -> list[str]:
    return ["posts"]


def one_text(_: Any) -> str:
    return "posts"


def numbers(_: Any) -> list[int]:
    return [1]


def breaks(_: Any) -> list[str]:
    raise KeyError("gone")


def action(**changes: Any) -> RecordAction:
    given: dict[str, Any] = {"name": "publish", "label": "Publish", "run": act, **changes}
    return RecordAction(**given)


@pytest.mark.parametrize(
    ("actions", "reason"),
    [
        (["publish"], "its actions() hold str, where a RecordAction is expected"),
        ([action(name="Publish it")], "the name of an action has to be small letters"),
        ([action(name=3)], "the name of an action has to be small letters"),
        ([action(label="  ")], "`label` of the action publish has to be a text of 1 to 60 characters"),
        ([action(label="x" * 61)], "`label` of the action publish has to be a text of 1 to 60 characters"),
        ([action(confirm="x" * 501)], "`confirm` of the action publish has to be a text of at most 500 characters"),
        ([action(description=None)], "`description` of the action publish has to be a text"),
        ([action(many=1)], "`many` of the action publish has to be True or False"),
        ([action(run=at_once)], "`run` of the action publish has to be an `async def`"),
        ([action(run=alone)], "`run` of the action publish has to take ctx and the record"),
        ([action(collections="posts")], "`collections` of the action publish has to be names"),
        ([action(collections=())], "`collections` of the action publish has to be names"),
        ([action(collections=[1])], "`collections` of the action publish has to be names"),
        ([action(), action(label="Again")], "it has two actions called publish"),
    ],
)
def test_what_can_be_no_action_is_named(actions: list[Any], reason: str) -> None:
    assert wrong_actions(actions).startswith(reason)


def test_sound_actions_are_taken() -> None:
    assert wrong_actions([action(), action(name="other", collections=names, many=False)]) == ""


@pytest.mark.parametrize("given", [one_text, numbers, breaks])
def test_settings_that_give_no_collections_offer_the_action_to_none(given: Any) -> None:
    offered = offered_of("shop", action(collections=given), NoSettings(), lambda _: pytest.fail("it is not called"))
    assert offered.collections == frozenset()
