"""What PATCH /api/settings takes, and where it says what is wrong."""

from typing import Any

import pytest

from holdfast.config import Settings
from holdfast.errors import Problem, ValidationFailed
from holdfast.options.reading import MAX_RULES, read_options
from holdfast.schema.app_options import AppOptions, Batch, Meta, RateLimitRule, RateLimits, Smtp
from holdfast.schema.collection import Collection

RULE = {"label": "/api/", "duration": 1, "maxRequests": 1}
COLLECTIONS = (Collection(id="c1", name="posts"), Collection(id="c2", name="members", type="auth"))


def problems(given: dict[str, Any], settings: Settings = Settings()) -> dict[str, str]:  # noqa: B008
    """What is wrong, as code by place (`smtp.port`)."""
    with pytest.raises(ValidationFailed) as refusal:
        read_options(given, AppOptions(), settings, COLLECTIONS)
    return dict(flat(refusal.value.data))


def flat(found: Any, place: str = "") -> list[tuple[str, str]]:
    if isinstance(found, Problem):
        assert found.message.endswith(".")
        return [(place[1:], found.code)]
    return [pair for key, inner in found.items() for pair in flat(inner, f"{place}.{key}")]


@pytest.mark.parametrize(
    ("given", "place", "code"),
    [
        ({"meta": {"appName": ""}}, "meta.appName", "validation_required"),
        ({"meta": {"appName": "a" * 256}}, "meta.appName", "validation_length_out_of_range"),
        ({"meta": {"senderName": "a\nBcc: b"}}, "meta.senderName", "validation_length_out_of_range"),
        ({"meta": {"senderAddress": "nobody"}}, "meta.senderAddress", "validation_is_email"),
        ({"meta": {"appURL": "ftp://x.example"}}, "meta.appURL", "validation_is_url"),
        ({"meta": {"appURL": "https://u:p@x.example"}}, "meta.appURL", "validation_is_url"),
        ({"meta": {"appURL": 'https://x.example/"onclick'}}, "meta.appURL", "validation_is_url"),
        ({"meta": {"appURL": "https://x.example/?a=1"}}, "meta.appURL", "validation_is_url"),
        ({"meta": {"appURL": "https://x.example:99999"}}, "meta.appURL", "validation_is_url"),
        ({"meta": {"appURL": "javascript:alert(1)"}}, "meta.appURL", "validation_is_url"),
        ({"meta": {"hideControls": "yes"}}, "meta.hideControls", "validation_invalid_value"),
        ({"meta": 5}, "meta", "validation_invalid_value"),
        ({"smtp": {"port": "25"}}, "smtp.port", "validation_invalid_value"),
        ({"smtp": {"port": 70_000}}, "smtp.port", "validation_out_of_range"),
        ({"smtp": {"port": 0, "enabled": True}}, "smtp.port", "validation_out_of_range"),
        ({"smtp": {"host": "", "enabled": True}}, "smtp.host", "validation_required"),
        ({"smtp": {"host": "mail example"}}, "smtp.host", "validation_is_host"),
        ({"smtp": {"host": "mail.example\r\n"}}, "smtp.host", "validation_is_host"),
        ({"smtp": {"authMethod": "CRAM-MD5"}}, "smtp.authMethod", "validation_invalid_value"),
        ({"smtp": {"localName": "a b"}}, "smtp.localName", "validation_is_host"),
        ({"smtp": {"password": "a\0b"}}, "smtp.password", "validation_invalid_json"),
        ({"smtp": {"username": "a\r\nb"}}, "smtp.username", "validation_invalid_value"),
        ({"rateLimits": {"rules": "x"}}, "rateLimits.rules", "validation_invalid_value"),
        ({"rateLimits": {"rules": [RULE] * (MAX_RULES + 1)}}, "rateLimits.rules", "validation_invalid_value"),
        ({"rateLimits": {"enabled": True, "rules": []}}, "rateLimits.rules", "validation_required"),
        ({"rateLimits": {"rules": [RULE, 5]}}, "rateLimits.rules.1", "validation_invalid_value"),
        ({"rateLimits": {"rules": [RULE | {"label": ""}]}}, "rateLimits.rules.0.label", "validation_required"),
        ({"rateLimits": {"rules": [RULE | {"label": "x y"}]}}, "rateLimits.rules.0.label", "validation_invalid_format"),
        ({"rateLimits": {"rules": [RULE | {"label": "tag"}]}}, "rateLimits.rules.0.label", "validation_invalid_format"),
        ({"rateLimits": {"rules": [RULE | {"duration": 0}]}}, "rateLimits.rules.0.duration", "validation_out_of_range"),
        (
            {"rateLimits": {"rules": [RULE | {"maxRequests": -1}]}},
            "rateLimits.rules.0.maxRequests",
            "validation_out_of_range",
        ),
        (
            {"rateLimits": {"rules": [RULE | {"audience": "@all"}]}},
            "rateLimits.rules.0.audience",
            "validation_invalid_value",
        ),
        (
            {"rateLimits": {"rules": [RULE, RULE | {"audience": "@guest"}]}},
            "rateLimits.rules.1.label",
            "validation_conflicting_rate_limit_rule",
        ),
        ({"rateLimits": {"excludedIPs": ["10.0.0.0/99"]}}, "rateLimits.excludedIPs", "validation_invalid_value"),
        ({"batch": {"maxRequests": 0}}, "batch.maxRequests", "validation_out_of_range"),
        ({"batch": {"timeout": -1}}, "batch.timeout", "validation_out_of_range"),
        ({"batch": {"maxBodySize": 1.5}}, "batch.maxBodySize", "validation_invalid_value"),
        ({"trustedProxy": {"headers": ["X-Real-IP"]}}, "trustedProxy.headers", "validation_fixed"),
        ({"trustedProxy": {"useLeftmostIP": True}}, "trustedProxy.useLeftmostIP", "validation_fixed"),
        ({"smpt": {}}, "smpt", "validation_unknown_setting"),
        ({"smtp": {"hots": "x"}}, "smtp.hots", "validation_unknown_setting"),
        (
            {"s3": {"enabled": True, **{key: "x" for key in ("bucket", "region", "accessKey", "secret")}}},
            "s3.endpoint",
            "validation_required",
        ),
        ({"s3": {"endpoint": "ftp://x"}}, "s3.endpoint", "validation_is_url"),
        ({"s3": {"buckets": "x"}}, "s3.buckets", "validation_unknown_setting"),
        ({"backup": {"cron": ""}}, "backup", "validation_unknown_setting"),
        ({"backups": {"cron": "soon"}}, "backups.cron", "validation_invalid_cron"),
        ({"backups": {"s3": {"endpoint": "ftp://x"}}}, "backups.s3.endpoint", "validation_is_url"),
        ({"backups": {"s3": {"buckets": "x"}}}, "backups.s3.buckets", "validation_unknown_setting"),
    ],
    ids=lambda part: part if isinstance(part, str) and "." in part else "",
)
def test_what_is_wrong_is_said_where_it_is(given: dict[str, Any], place: str, code: str):
    assert problems(given) == {place: code}


def test_everything_that_is_wrong_is_said_at_once():
    given = {
        "smtp": {"port": -1, "hots": 1},
        "meta": {"appName": ""},
        "rateLimits": {"rules": [{}]},
        "batch": {"timeout": "x"},
    }
    assert set(problems(given)) == {
        "smtp.port",
        "smtp.hots",
        "meta.appName",
        "rateLimits.rules.0.label",
        "rateLimits.rules.0.duration",
        "rateLimits.rules.0.maxRequests",
        "batch.timeout",
    }


def test_what_is_given_is_merged_and_the_rest_stays():
    now = AppOptions(meta=Meta(app_name="Shop"), smtp=Smtp(host="mail.example", password="geheim", port=465, tls=True))
    given = {"smtp": {"username": "ann", "host": None}, "batch": {"timeout": 5}, "meta": {}, "rateLimits": None}
    assert read_options(given, now, Settings(), COLLECTIONS) == AppOptions(
        meta=Meta(app_name="Shop"),
        smtp=Smtp(host="mail.example", password="geheim", port=465, tls=True, username="ann"),
        batch=Batch(timeout=5),
    )


def test_rules_take_the_place_of_those_before():
    rules = [{"label": "posts:create", "audience": "@guest", "duration": 60, "maxRequests": 5}, RULE]
    read = read_options(
        {"rateLimits": {"rules": rules, "enabled": True}}, AppOptions(), Settings(), COLLECTIONS
    ).rate_limits
    assert read == RateLimits(
        rules=(RateLimitRule("posts:create", "@guest", 60, 5), RateLimitRule("/api/", "", 1, 1)), enabled=True
    )


@pytest.mark.parametrize("label", ["/", "/api/", "/api/batch", "POST /api/collections/", "posts:create", "*:auth"])
def test_labels_are_paths_or_what_is_done_with_a_collection(label: str):
    read = read_options({"rateLimits": {"rules": [RULE | {"label": label}]}}, AppOptions(), Settings(), COLLECTIONS)
    assert read.rate_limits.rules[0].label == label


@pytest.mark.parametrize(
    ("label", "message"),
    [
        pytest.param("*:crate", "There is no action crate; perhaps create was meant.", id="a misspelt action"),
        pytest.param("posts:*", "Must be such as", id="any action"),
        pytest.param("ordrs:create", "There is no collection ordrs.", id="no such collection"),
        pytest.param("psts:create", "There is no collection psts; perhaps posts was meant.", id="a misspelt one"),
        pytest.param("c1:create", "There is no collection c1.", id="by its id"),
        pytest.param("posts:auth", "Nobody logs in to posts: it is no auth collection.", id="a login that is none"),
        pytest.param("*:authWithOtp", "There is no action authWithOtp; perhaps authWithOTP was meant.", id="a small t"),
        pytest.param("HEAD /api/batch", "HEAD is counted as GET: say GET.", id="HEAD"),
        pytest.param("/api/collections/{collection}/records", "A path is compared as it is:", id="a pattern"),
    ],
)
def test_a_label_that_can_never_count_is_refused(label: str, message: str):
    with pytest.raises(ValidationFailed) as refusal:
        read_options({"rateLimits": {"rules": [RULE, RULE | {"label": label}]}}, AppOptions(), Settings(), COLLECTIONS)
    ((place, _),) = flat(refusal.value.data)
    assert place == "rateLimits.rules.1.label"
    assert message in str(refusal.value.data)


def test_a_label_whose_collection_is_gone_keeps_no_other_change_from_being_saved():
    gone = RateLimitRule("gone:create", "", 5, 5)
    now = AppOptions(rate_limits=RateLimits(rules=(gone,)))
    assert read_options({"batch": {"timeout": 5}}, now, Settings(), COLLECTIONS).rate_limits == now.rate_limits
    rules = [{"label": "gone:create", "duration": 9, "maxRequests": 9}, RULE]
    read = read_options({"rateLimits": {"rules": rules}}, now, Settings(), COLLECTIONS)
    assert [rule.label for rule in read.rate_limits.rules] == ["gone:create", "/api/"]


@pytest.mark.parametrize("label", ["members:auth", "members:authWithOTP", "*:listAuthMethods", "*:file", "posts:view"])
def test_a_label_that_counts_is_taken(label: str):
    read = read_options({"rateLimits": {"rules": [RULE | {"label": label}]}}, AppOptions(), Settings(), COLLECTIONS)
    assert read.rate_limits.rules[0].label == label


FIXED = Settings(public_url="https://api.example", batch_requests=7, trusted_proxies=("10.0.0.1/32",))


def test_what_the_environment_fixes_can_be_sent_back_and_is_not_kept():
    shown = {
        "meta": {"appURL": "https://api.example", "appName": "Shop"},
        "batch": {"maxRequests": 7},
        "trustedProxy": {"headers": ["X-Forwarded-For"], "useLeftmostIP": False},
    }
    assert read_options(shown, AppOptions(), FIXED, COLLECTIONS) == AppOptions(meta=Meta(app_name="Shop"))


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"meta": {"appURL": "https://other.example"}}, "meta.appURL"),
        ({"batch": {"maxRequests": 8}}, "batch.maxRequests"),
        ({"trustedProxy": {"headers": []}}, "trustedProxy.headers"),
    ],
)
def test_what_the_environment_fixes_cannot_be_changed(given: dict[str, Any], place: str):
    assert problems(given, FIXED) == {place: "validation_fixed"}


def test_the_address_that_was_made_up_is_not_kept_when_it_is_sent_back():
    given = {"meta": {"appURL": "http://localhost:8090"}}
    assert read_options(given, AppOptions(), Settings(), COLLECTIONS).meta.app_url == ""


def test_what_can_be_chosen_is_said_with_the_empty_text_in_quotes():
    with pytest.raises(ValidationFailed) as refusal:
        read_options(
            {"rateLimits": {"rules": [{"label": "/api/", "audience": "guest"}]}}, AppOptions(), Settings(), COLLECTIONS
        )
    assert 'Must be one of "", @guest, @auth.' in str(refusal.value.data)
