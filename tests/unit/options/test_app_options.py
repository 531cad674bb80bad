"""What the operator's options are when the environment has a say, and when a server counts as in production."""

from typing import Any

import msgspec
import pytest

from holdfast.config import Settings
from holdfast.schema.app_options import (
    AppOptions,
    Meta,
    RateLimitRule,
    RateLimits,
    in_effect,
    is_production,
    renamed,
    trusted_proxy,
)


@pytest.mark.parametrize(
    ("settings", "app_url", "effect"),
    [
        ({}, "", "http://localhost:8090"),
        ({"port": 80}, "", "http://localhost"),
        ({}, "https://shop.example/app", "https://shop.example/app"),
        ({"public_url": "https://api.example"}, "", "https://api.example"),
        ({"public_url": "https://api.example"}, "https://shop.example", "https://api.example"),
    ],
)
def test_links_lead_to_what_the_environment_says_then_to_the_option(
    settings: dict[str, Any], app_url: str, effect: str
):
    options = AppOptions(meta=Meta(app_url=app_url))
    assert in_effect(options, Settings(**settings)).meta.app_url == effect


@pytest.mark.parametrize(("setting", "effect"), [(0, 50), (7, 7)])
def test_the_size_of_a_batch_is_the_environments_where_it_is_set(setting: int, effect: int):
    assert in_effect(AppOptions(), Settings(batch_requests=setting)).batch.max_requests == effect


@pytest.mark.parametrize(
    ("settings", "app_url", "production"),
    [
        ({}, "", False),
        ({"host": "::1"}, "", False),
        ({"host": "localhost"}, "http://127.0.0.1:5173", False),
        ({}, "http://[::1]:5173/x", False),
        ({"host": "0.0.0.0"}, "", True),
        ({"host": "10.0.0.5"}, "", True),
        ({"public_url": "https://localhost"}, "", True),
        ({"public_url": "http://intra.example"}, "", True),
        ({}, "https://shop.example", True),
        ({}, "http://shop.example:8080/app", True),
    ],
)
def test_a_server_that_others_use_is_in_production(settings: dict[str, Any], app_url: str, production: bool):
    assert is_production(AppOptions(meta=Meta(app_url=app_url)), Settings(**settings)) is production


def test_a_label_of_a_rate_limit_follows_the_name_of_its_collection():
    labels = ("posts:create", "*:create", "/api/posts", "postscript:list", "POST /api/posts:x")
    options = AppOptions(rate_limits=RateLimits(rules=tuple(RateLimitRule(label, "", 1, 1) for label in labels)))
    found = renamed(options, {"posts": "articles"})
    assert [rule.label for rule in found.rate_limits.rules] == ["articles:create", *labels[1:]]
    assert renamed(options, {}) is options


def test_the_header_of_trusted_proxies_is_shown():
    assert trusted_proxy(Settings()).headers == ()
    assert trusted_proxy(Settings(trusted_proxies=("10.0.0.0/8",))).headers == ("X-Forwarded-For",)


def test_options_that_were_stored_by_another_version_are_read():
    assert msgspec.json.decode(b'{"meta":{"appName":"x","gone":1},"later":{}}', type=AppOptions) == AppOptions(
        meta=Meta(app_name="x")
    )
