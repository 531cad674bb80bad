"""Rules are checked when they are saved."""

import pytest

from holdfast.errors import InvalidFilter
from holdfast.rules.check import check_rule
from unit.expressions.library import LIBRARY, POSTS


@pytest.mark.parametrize(
    "rule",
    [
        "title != ''",
        "secret = 'x' && author.note = ''",
        "@request.auth.id != ''",
        "@request.auth.id = author || @request.auth.id ?= editors.id",
        "@request.auth.name ~ 'x' && @request.auth.team.level > 3",
        "@request.auth.collectionName = 'authors' && @request.auth.roles ?= 'editor'",
        "@request.auth.comments_via_author.stars ?> 3",
        "@request.auth.email:lower = 'a@b.c' && @request.auth.verified = true",
        "@request.body.title:isset = false && @request.body.status:changed = false",
        "@request.body.tags:each ?~ 'x' && @request.body.tags:length < 3 && @request.body.anything = 1",
        "@request.body.author.name = 'x' && @request.body.editors.team.name ?= 'y'",
        "@request.query.q = 'x' && @request.headers.x_token:isset = true",
        "@request.method = 'GET' && @request.context != 'oauth2'",
        "@collection.teams.name ?= title && @collection.teams:other.level ?> 3",
        "@collection.comments:c.author.team.name ?= 'x'",
        "@request.auth.id ?= comments_via_post.author && created > @yearStart",
        "geoDistance(place.lon, place.lat, 12, 42) < 10",
        "// for all who write\n@request.auth.id != ''",
    ],
)
def test_a_rule_that_can_be_is_taken(rule: str) -> None:
    check_rule(LIBRARY, POSTS, rule)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("title = ", "The filter ends where a field or a value was expected (at character 9)."),
        ("titel = 1", 'There is no field "titel" (at character 1): did you mean "title"?'),
        ("created > 'x'", "Only a date can come before or after a date (at character 9)."),
        ("@request.auth.id = titel", 'There is no field "titel" (at character 20): did you mean "title"?'),
        ("@request.auth.nme = 'x'", 'There is no field "nme" (at character 15): did you mean "name"?'),
        ("@request.auth.team.nam = 'x'", 'There is no field "nam" (at character 20): did you mean "name"?'),
        ("@request.auth = 'x'", "@request.auth needs the name of a field after it (at character 1)."),
        ("@request.auth.password = 'x'", 'There is no field "password" (at character 15).'),
        ("@request.atuh.id = 'x'", 'There is no "@request.atuh" (at character 1): did you mean "auth"?'),
        ("@request = 'x'", 'There is no "@request." (at character 1).'),
        ("@request.method.x = 'x'", "@request.method has no parts (at character 17)."),
        ("@request.method:isset = 'x'", "@request.method has no :isset (at character 16)."),
        ("@request.auth.id:changed = true", ":changed is for @request.body (at character 17)."),
        ("@request.body.author.nme = 'x'", 'There is no field "nme" (at character 22): did you mean "name"?'),
        ("@collection.team.name = 'x'", 'There is no collection "team" (at character 13): did you mean "teams"?'),
        (
            "@collection.teams = 'x'",
            "@collection needs the name of a collection and a field: @collection.news.title (at character 1).",
        ),
        ("@collection.teams:t.nam = 'x'", 'There is no field "nam" (at character 21): did you mean "name"?'),
        ("@collection.teams.name:isset = true", ":isset is for @request in rules (at character 23)."),
        ("title:isset = true", ":isset is for @request in rules (at character 6)."),
        ("title = {:p}", "There is no parameter for {:p}: send p.p (at character 9)."),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_place(rule: str, message: str) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        check_rule(LIBRARY, POSTS, rule)
    assert refusal.value.message == message
