"""Which route a path finds."""

import pytest

from holdfast.errors import MethodNotAllowed, NotFound
from holdfast.http.response import Response
from holdfast.http.routing import Route, Routes


async def handler(engine: object, request: object) -> Response:
    raise AssertionError("only looked for")


def route(method: str, path: str) -> Route:
    return Route(method=method, path=path, handler=handler, summary="")  # type: ignore[arg-type]


ROUTES = Routes(
    (
        route("GET", "/api/collections"),
        route("POST", "/api/collections"),
        route("GET", "/api/collections/{collection}"),
        route("PATCH", "/api/collections/{collection}"),
        route("PUT", "/api/collections/import"),
        route("GET", "/api/collections/meta/scaffolds"),
        route("DELETE", "/api/collections/{collection}/truncate"),
        route("POST", "/api/collections/trash/{id}/restore"),
    )
)


@pytest.mark.parametrize(
    ("method", "path", "pattern", "params"),
    [
        pytest.param("GET", "/api/collections", "/api/collections", {}, id="no parameter"),
        pytest.param("PATCH", "/api/collections/p", "/api/collections/{collection}", {"collection": "p"}, id="one"),
        pytest.param("PUT", "/api/collections/import", "/api/collections/import", {}, id="a fixed segment wins"),
        pytest.param(
            "GET",
            "/api/collections/import",
            "/api/collections/{collection}",
            {"collection": "import"},
            id="unless it lacks the method",
        ),
        pytest.param("GET", "/api/collections/meta/scaffolds", "/api/collections/meta/scaffolds", {}, id="deep"),
        pytest.param(
            "DELETE",
            "/api/collections/meta/truncate",
            "/api/collections/{collection}/truncate",
            {"collection": "meta"},
            id="back from a fixed segment that leads nowhere",
        ),
        pytest.param(
            "POST",
            "/api/collections/trash/é x/restore",
            "/api/collections/trash/{id}/restore",
            {"id": "é x"},
            id="any text is a value",
        ),
    ],
)
def test_a_path_finds_its_route(method: str, path: str, pattern: str, params: dict[str, str]) -> None:
    found = ROUTES.find(method, path)
    assert found is not None
    assert (found[0].method, found[0].path, found[1]) == (method, pattern, params)


@pytest.mark.parametrize(
    "path",
    [
        "/api/collections/",
        "/api/Collections",
        "/api",
        "api/collections",
        "",
        "/",
        "/api/collections//truncate",
        "/api/collections/a/b/c",
    ],
)
def test_other_paths_find_nothing(path: str) -> None:
    assert ROUTES.find("GET", path) is None
    with pytest.raises(NotFound):
        ROUTES.get("GET", path)


def test_a_method_that_the_path_does_not_take_is_answered_with_those_that_it_does() -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        ROUTES.find("DELETE", "/api/collections")
    assert refusal.value.headers == {"Allow": "GET, HEAD, OPTIONS, POST"}


def test_all_methods_of_a_path_are_told_whichever_route_they_come_from() -> None:
    with pytest.raises(MethodNotAllowed) as refusal:
        ROUTES.find("POST", "/api/collections/import")
    assert refusal.value.headers == {"Allow": "GET, HEAD, OPTIONS, PATCH, PUT"}


def test_two_routes_for_the_same_thing_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="two routes for GET"):
        Routes((route("GET", "/api/{a}"), route("GET", "/api/{b}")))
