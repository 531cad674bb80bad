"""Which limit counts for which request."""

import pytest

from holdfast.app import ROUTES
from holdfast.http.rate_limits import AUTH_PATHS, Compiled, Part
from holdfast.identity import GUEST, Principal
from holdfast.schema.app_options import Audience, RateLimitRule, RateLimits

USER = Principal("user", "c1", "users", "ann000000000001")
KEY = Principal("key", name="deploys", key_id="key000000000001")
NAMES = {"pbc_1": "posts", "pbc_2": "users"}


def compiled(*labels: str | tuple[str, Audience], excluded: tuple[str, ...] = ()) -> Compiled:
    rules = tuple(RateLimitRule(one, "", 1, 1) if isinstance(one, str) else RateLimitRule(*one, 1, 1) for one in labels)
    return Compiled.of(RateLimits(rules, excluded, enabled=True))


def counted(limits: Compiled, request: str, who: Principal = GUEST, address: str = "192.0.2.1") -> str:
    """The key that a request is counted under; empty if it is not."""
    method, path = request.split(" ")
    found = limits.bucket(Part(method, path, address, who, has_own_limit=False), lambda name: NAMES.get(name, name))
    return "" if found is None else found.key


def label(limits: Compiled, request: str, who: Principal = GUEST) -> str:
    return counted(limits, request, who).partition(" 192.0.2.1")[0].strip()


@pytest.mark.parametrize(
    ("request_line", "action"),
    [
        pytest.param("GET /api/collections/posts/records", "list", id="list"),
        pytest.param("POST /api/collections/posts/records/query", "list", id="query"),
        pytest.param("GET /api/collections/posts/records/aggregate", "list", id="aggregate"),
        pytest.param("GET /api/collections/posts/records/abc", "view", id="view"),
        pytest.param("POST /api/collections/posts/records", "create", id="create"),
        pytest.param("PUT /api/collections/posts/records", "create", id="upsert without an id"),
        pytest.param("PATCH /api/collections/posts/records/abc", "update", id="update"),
        pytest.param("PUT /api/collections/posts/records/abc", "update", id="upsert"),
        pytest.param("DELETE /api/collections/posts/records/abc", "delete", id="delete"),
        pytest.param("GET /api/collections/pbc_1/records", "list", id="by the id"),
        pytest.param("GET /api/files/posts/abc/name.png", "file", id="file"),
        pytest.param("GET /api/collections/posts/auth-methods", "listAuthMethods", id="auth-methods"),
        pytest.param("POST /api/collections/posts/auth-refresh", "authRefresh", id="auth-refresh"),
        pytest.param("POST /api/collections/posts/auth-with-password", "authWithPassword", id="auth-with-password"),
        pytest.param("POST /api/collections/posts/auth-with-oauth2", "authWithOAuth2", id="auth-with-oauth2"),
        pytest.param("POST /api/collections/posts/auth-with-otp", "authWithOTP", id="auth-with-otp"),
        pytest.param("POST /api/collections/posts/auth-with-totp", "authWithTOTP", id="auth-with-totp"),
        pytest.param("POST /api/collections/posts/auth-with-password", "auth", id="any login"),
        pytest.param("POST /api/collections/posts/passkeys/login", "auth", id="a passkey"),
        pytest.param("POST /api/collections/posts/request-otp", "requestOTP", id="request-otp"),
        pytest.param("POST /api/collections/posts/request-password-reset", "requestPasswordReset", id="reset"),
        pytest.param("POST /api/collections/posts/confirm-verification", "confirmVerification", id="confirm"),
    ],
)
def test_what_is_done_has_pocketbases_name(request_line: str, action: str):
    assert label(compiled(f"posts:{action}"), request_line) == f"posts:{action}  posts"
    assert label(compiled(f"*:{action}"), request_line) == f"*:{action}  posts"
    assert label(compiled(f"others:{action}"), request_line) == ""


@pytest.mark.parametrize(
    ("request_line", "action"),
    [
        pytest.param("POST /api/collections/posts/auth-refresh", "auth", id="a refresh is no login"),
        pytest.param("GET /api/collections/posts/auth-methods", "auth", id="asking for the ways is none"),
        pytest.param("GET /api/collections/posts", "view", id="a collection is no record"),
        pytest.param("POST /api/collections", "create", id="making a collection"),
        pytest.param("GET /api/collections/posts/", "list", id="nothing"),
        pytest.param("OPTIONS /api/collections/posts/records", "list", id="another method"),
    ],
)
def test_what_is_something_else_has_not(request_line: str, action: str):
    assert counted(compiled(f"*:{action}"), request_line) == ""


ORDER = (
    "posts:create",
    "*:create",
    "POST /api/collections/posts/records",
    "POST /api/collections/",
    "POST /api/",
    "/api/collections/posts/records",
    "/api/collections/",
    "/api/",
)


@pytest.mark.parametrize("first", range(len(ORDER)), ids=ORDER)
def test_of_all_rules_that_fit_the_closest_counts(first: int):
    request = "POST /api/collections/posts/records"
    assert label(compiled(*reversed(ORDER[first:])), request).startswith(ORDER[first])


@pytest.mark.parametrize(
    ("rule", "request_line", "fits"),
    [
        pytest.param("/api/", "GET /api", True, id="the beginning itself"),
        pytest.param("/api/", "GET /apis", False, id="more than the beginning"),
        pytest.param("/api/batch", "POST /api/batch/x", False, id="no beginning without a slash"),
        pytest.param("POST /api/", "GET /api/crons", False, id="another method"),
    ],
)
def test_a_path_fits_whole_or_by_its_beginning(rule: str, request_line: str, fits: bool):
    assert (counted(compiled(rule), request_line) != "") is fits


def test_every_path_of_an_auth_collection_has_a_name_for_labels():
    head = "/api/collections/{collection}/"
    paths = {
        route.path.removeprefix(head) for route in ROUTES if route.path.startswith(head) and route.access == "anyone"
    }
    assert {path for path in paths if "{" not in path and not path.startswith("records")} == set(AUTH_PATHS)


@pytest.mark.parametrize("path", ["/api/health", "/api/ready"])
def test_what_load_balancers_ask_is_counted_only_by_its_name(path: str):
    assert counted(compiled("/api/", "GET /api/"), f"GET {path}") == ""
    assert counted(compiled("/api/", path), f"GET {path}").startswith(path)


@pytest.mark.parametrize(
    ("who", "found"),
    [
        pytest.param(GUEST, "/api/ @guest  192.0.2.1", id="guest"),
        pytest.param(USER, "/api/ @auth  users/ann000000000001", id="user"),
        pytest.param(KEY, "/api/ @auth  key:key000000000001", id="key"),
        pytest.param(Principal("superuser", record_id="x"), "", id="superuser"),
    ],
)
def test_each_audience_has_its_rule_and_superusers_have_none(who: Principal, found: str):
    assert counted(compiled(("/api/", "@guest"), ("/api/", "@auth")), "GET /api/crons", who) == found


@pytest.mark.parametrize(
    ("address", "excluded"),
    [
        pytest.param("10.1.2.3", True, id="in the network"),
        pytest.param("::ffff:10.1.2.3", True, id="the same, written as IPv6"),
        pytest.param("192.0.2.1", False, id="elsewhere"),
        pytest.param("2001:db8::1", False, id="IPv6"),
        pytest.param("", False, id="a unix socket"),
    ],
)
def test_addresses_that_are_excluded_are_not_counted(address: str, excluded: bool):
    found = counted(compiled("/api/", excluded=("10.0.0.0/8",)), "GET /api/crons", address=address)
    assert (found == "") is excluded


def test_rules_that_say_nothing_limit_nothing():
    empty = (RateLimitRule("", "", 1, 1), RateLimitRule("/api/", "", 0, 1), RateLimitRule("/api/", "", 1, 0))
    assert counted(Compiled.of(RateLimits(empty)), "GET /api/crons") == ""


def test_who_has_a_limit_of_its_own_is_not_counted():
    part = Part("GET", "/api/health", "192.0.2.1", KEY, has_own_limit=True)
    assert compiled("/api/").bucket(part, str) is None
