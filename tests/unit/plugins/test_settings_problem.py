"""What is wrong with settings stands at the value that is wrong."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import pytest

from holdfast.errors import Problem
from holdfast.plugins.settings_problem import settings_problem


class Policy(msgspec.Struct, forbid_unknown_fields=True):
    collection: str
    days: Annotated[int, msgspec.Meta(ge=1)] = 1

    def __post_init__(self) -> None:
        if self.collection == "nobody":
            raise ValueError("there is nobody")


class Settings(msgspec.Struct):
    when: str = ""
    policies: tuple[Policy, ...] = ()
    limits: Mapping[str, int] = {}


def flat(found: Any, at: str = "") -> list[tuple[str, str]]:
    if isinstance(found, Problem):
        return [(at, found.message)]
    return [one for name, below in found.items() for one in flat(below, f"{at}.{name}".strip("."))]


@pytest.mark.parametrize(
    ("given", "at", "message"),
    [
        ({"when": 5}, "", "Expected `str`, got `int`."),
        ({"policies": "all"}, "", "Expected `array`, got `str`."),
        ({"policies": [{"collection": "a"}, {"collection": "b", "days": 0}]}, "1.days", "Expected `int` >= 1."),
        ({"policies": [{"days": 5}]}, "0.collection", "Must be given."),
        ({"policies": [{"collection": "nobody"}]}, "0", "There is nobody."),
        ({"limits": {"a": "b"}}, "", "Expected `int`, got `str`."),
    ],
    ids=str,
)
def test_what_is_wrong_stands_where_it_is(given: dict[str, Any], at: str, message: str):
    (name,) = given
    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.convert(given, Settings)
    assert flat(settings_problem(name, str(refusal.value))) == [(at, message)]


def test_what_has_no_place_stands_at_the_setting():
    assert settings_problem("when", "") == Problem("validation_invalid_value", "Cannot be used.")
