"""`/metrics` over HTTP: who may read it, and that what happens is counted there."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from client import Api, refused
from holdfast.db.sql import Statement, raw
from holdfast.metrics.catalogue import METRICS, PREFIX

LOCAL = "127.0.0.1"


def local(api: Api, host: str = "127.0.0.1:8090", address: str = LOCAL) -> httpx.AsyncClient:
    """A client on the machine of the server."""
    client = api.client(address=address)
    client.headers["host"] = host
    return client


async def key_with(api: Api, *roles: str) -> dict[str, str]:
    """The header of a new API key with these roles."""
    for role in roles:
        await api.root.post("/api/roles", json={"name": role})
    made = await api.root.post("/api/keys", json={"name": "prometheus", "roles": list(roles)})
    assert made.status_code == 200, made.text
    return {"Authorization": f"Bearer {made.json()['key']}"}


async def told(api: Api) -> dict[str, list[Any]]:
    """The samples of a scrape, by name."""
    answer = await api.root.get("/metrics")
    assert answer.status_code == 200, answer.text
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found.setdefault(sample.name.removeprefix(PREFIX), []).append(sample)
    return found


async def value(api: Api, name: str, **labels: str) -> float:
    """One number of a scrape; 0 if it is not there."""
    samples = (await told(api)).get(name, [])
    return next((one.value for one in samples if labels.items() <= one.labels.items()), 0.0)


async def test_a_superuser_reads_all_metrics_as_text(api: Api):
    answer = await api.root.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in answer.headers["cache-control"]
    found = [family.name for family in text_string_to_metric_families(answer.text)]
    assert found == [(PREFIX + metric.name).removesuffix("_total") for metric in METRICS]


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost", "[::1]:8090"])
async def test_the_machine_itself_reads_without_a_login(api: Api, host: str):
    address = "::1" if host.startswith("[") else LOCAL
    assert (await local(api, host, address).get("/metrics")).status_code == 200


async def test_a_key_with_the_role_for_it_reads_and_another_does_not(api: Api):
    good, other = await key_with(api, "metrics"), await key_with(api, "editor")
    assert (await api.guest.get("/metrics", headers=good)).status_code == 200
    refused(await api.guest.get("/metrics", headers=other), 403, "forbidden")


async def test_a_guest_and_a_user_are_refused(api: Api):
    refused(await api.guest.get("/metrics"), 401, "unauthenticated")
    await api.root.post("/api/roles", json={"name": "metrics"})
    password = "a long password"
    ann = await api.create("users", email="ann@example.com", password=password, passwordConfirm=password)
    await api.root.patch(f"/api/collections/users/records/{ann['id']}", json={"roles": ["metrics"]})
    token = await api.login("ann@example.com", password, "users")
    refused(await api.client(token).get("/metrics"), 403, "forbidden")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x-forwarded-for": "203.0.113.9"}, id="a proxy says for whom"),
        pytest.param({"forwarded": "for=203.0.113.9"}, id="a proxy says so in the other way"),
        pytest.param({"x-real-ip": "203.0.113.9"}, id="nginx says so"),
        pytest.param({"via": "1.1 proxy"}, id="a proxy says that it is one"),
        pytest.param({"host": "api.example.com"}, id="another name"),
        pytest.param({"sec-fetch-site": "cross-site"}, id="a page of another site"),
        pytest.param({"origin": "https://evil.example"}, id="a page that says where it is from"),
    ],
)
async def test_who_comes_through_the_machine_is_not_the_machine(api: Api, headers: dict[str, str]):
    refused(await local(api).get("/metrics", headers=headers), 401, "unauthenticated")


async def test_another_role_or_none_can_be_the_one(start_api: Callable[..., AbstractAsyncContextManager[Api]]):
    async with start_api(metrics_role="watcher") as api:
        good, old = await key_with(api, "watcher"), await key_with(api, "metrics")
        assert (await api.guest.get("/metrics", headers=good)).status_code == 200
        refused(await api.guest.get("/metrics", headers=old), 403, "forbidden")


async def test_requests_are_counted_by_their_route_and_never_by_their_path(api: Api):
    await api.define("posts")
    for path in ("/api/collections/posts/records", "/api/collections/posts/records/none", "/api/nothing", "/wp-login"):
        await api.guest.get(path)
    found = await told(api)
    counted = {(one.labels["route"], one.labels["status"]): one.value for one in found["http_requests_total"]}
    assert counted[("/api/collections/{collection}/records", "200")] == 1
    assert counted[("/api/collections/{collection}/records/{id}", "404")] == 1
    assert counted[("other", "404")] == 2
    assert not [route for route, _ in counted if "posts" in route or "nothing" in route]
    assert {one.labels["worker"] for one in found["http_requests_total"]} == {"1"}


async def test_a_plan_that_was_made_before_is_a_hit(api: Api):
    await api.define("posts")
    misses = await value(api, "cache_misses_total", cache="plans")
    for _ in range(3):
        await api.guest.get("/api/collections/posts/records?sort=id")
    assert await value(api, "cache_hits_total", cache="plans") >= 2
    assert await value(api, "cache_misses_total", cache="plans") > misses


async def test_what_waits_is_told_with_its_age(api: Api):
    await api.define("posts")
    await api.create("posts")
    outbox = "UPDATE holdfast.outbox SET at = now() - interval '30 seconds'"
    job = "INSERT INTO holdfast.jobs (name, run_at) VALUES ('a', now() - interval '40 seconds')"
    await api.pool.execute(Statement.of(raw(outbox)))
    await api.pool.execute(Statement.of(raw(job)))
    found = await told(api)
    assert 30 <= found["events_lag_seconds"][0].value < 60
    assert found["events_outbox_rows"][0].value >= 1
    assert 40 <= found["jobs_oldest_ready_seconds"][0].value < 70
    assert found["jobs_waiting"][0].value == 1
    said = (await api.guest.get("/api/ready")).json()["data"]
    assert (said["events"], said["jobs"]) == ("late", "ok")
    assert 30 <= said["eventsSeconds"] < 60 <= said["jobsSeconds"] + 20


async def test_a_broken_system_table_leaves_the_processes_to_be_told(api: Api):
    await api.pool.execute(Statement.of(raw("ALTER TABLE holdfast.totals RENAME TO totals_gone")))
    assert await value(api, "database_up") == 0
    await api.pool.execute(Statement.of(raw("ALTER TABLE holdfast.totals_gone RENAME TO totals")))
    assert await value(api, "database_up") == 1
