"""Two accounts of one person become one."""

from typing import Any

from client import in_one_loop, refused
from office import Office, Person


def path(person: Person) -> str:
    return f"/api/collections/users/accounts/{person.id}/merge"


async def shop(office: Office, **customer: Any) -> str:
    """A collection whose records point at users; its name."""
    name = f"orders{office.number()}"
    one = {"name": "customer", "type": "relation", "collectionId": "_pb_users_auth_", "maxSelect": 1, **customer}
    many = {"name": "readers", "type": "relation", "collectionId": "_pb_users_auth_", "maxSelect": 5}
    await office.api.define(name, [one, many, {"name": "updated", "type": "autodate", "onUpdate": True}])
    return name


async def linked(office: Office, person: Person, provider: str) -> None:
    values = {"collectionRef": "_pb_users_auth_", "recordRef": person.id, "provider": provider, "providerId": person.id}
    await office.api.create("_externalAuths", **values)


async def providers(office: Office, person: Person) -> list[str]:
    answer = await office.api.root.get(f"/api/collections/users/accounts?records={person.id}")
    return answer.json()["items"][0]["providers"]


@in_one_loop
async def test_what_points_at_the_one_points_at_the_other_and_the_one_is_gone(office: Office) -> None:
    orders = await shop(office)
    gone, stays, other = await office.person(), await office.person(), await office.person()
    order = await office.api.create(orders, customer=gone.id, readers=[other.id, gone.id, stays.id])
    untouched = await office.api.create(orders, customer=other.id, readers=[other.id])
    done = await office.api.root.post(path(gone), json={"into": stays.id})
    assert done.status_code == 200, done.text
    counted = {(one["collection"], one["field"]): one["records"] for one in done.json()["relations"]}
    assert (counted[orders, "customer"], counted[orders, "readers"]) == (1, 1)
    found = await office.record(order["id"], orders)
    assert (found["customer"], found["readers"]) == (stays.id, [other.id, stays.id])
    assert found["updated"] > order["updated"]
    assert await office.record(untouched["id"], orders) == untouched
    refused(await office.api.root.get(f"/api/collections/users/records/{gone.id}"), 404, "not_found")
    await office.log_in(stays)


@in_one_loop
async def test_it_is_counted_first_and_nothing_is_done(office: Office) -> None:
    orders = await shop(office)
    gone, stays = await office.person(), await office.person()
    order = await office.api.create(orders, customer=gone.id)
    found = (await office.api.root.post(path(gone), json={"into": stays.id, "dryRun": True})).json()
    counted = {(one["collection"], one["field"]): one["records"] for one in found["relations"]}
    assert (counted[orders, "customer"], counted[orders, "readers"]) == (1, 0)
    assert (await office.record(order["id"], orders))["customer"] == gone.id
    await office.log_in(gone)


@in_one_loop
async def test_links_go_over_where_the_other_account_has_none_of_that_provider(office: Office) -> None:
    gone, stays = await office.person(), await office.person()
    for person, provider in ((gone, "github"), (gone, "google"), (stays, "google")):
        await linked(office, person, provider)
    done = (await office.api.root.post(path(gone), json={"into": stays.id})).json()
    assert (done["moved"], done["dropped"]) == (["github"], ["google"])
    assert await providers(office, stays) == ["github", "google"]


@in_one_loop
async def test_a_relation_that_each_may_have_once_stands_in_the_way_and_nothing_is_done(office: Office) -> None:
    profiles, orders = await shop(office, unique=True), await shop(office)
    gone, stays = await office.person(), await office.person()
    order = await office.api.create(orders, customer=gone.id)
    for person in (gone, stays):
        await office.api.create(profiles, customer=person.id)
    answer = refused(await office.api.root.post(path(gone), json={"into": stays.id}), 409, "conflict")
    assert f"{profiles}.customer" in answer["message"]
    assert (await office.record(order["id"], orders))["customer"] == gone.id
    await office.log_in(gone)


@in_one_loop
async def test_a_blocked_account_is_not_merged_away_from_its_block(office: Office) -> None:
    gone, stays = await office.person(), await office.person()
    await linked(office, gone, "github")
    await office.api.root.post(f"/api/collections/users/accounts/{gone.id}/block")
    for dry_run in (True, False):
        answer = await office.api.root.post(path(gone), json={"into": stays.id, "dryRun": dry_run})
        assert "blocked" in refused(answer, 409, "conflict")["message"]
    assert (await providers(office, gone), await providers(office, stays)) == (["github"], [])


@in_one_loop
async def test_a_blocked_account_that_another_is_merged_into_stays_blocked(office: Office) -> None:
    gone, stays = await office.person(), await office.person()
    await office.api.root.post(f"/api/collections/users/accounts/{stays.id}/block")
    assert (await office.api.root.post(path(gone), json={"into": stays.id})).status_code == 200
    body = {"identity": stays.email, "password": stays.password}
    refused(await office.post("users/auth-with-password", body), 403, "forbidden")


@in_one_loop
async def test_the_audit_log_and_the_events_have_it(office: Office) -> None:
    orders = await shop(office)
    gone, stays = await office.person(), await office.person()
    order = await office.api.create(orders, customer=gone.id)
    await office.api.root.post(path(gone), json={"into": stays.id})
    found = (await office.api.root.get(f"/api/audit?target={stays.id}")).json()["items"]
    [entry] = [one for one in found if one["action"] == "auth.merged"]
    assert entry["details"] == {"gone": gone.id, "records": 1, "providers": []}
    told = f"SELECT FROM holdfast.events WHERE record_id = '{order['id']}' AND record LIKE '%{stays.id}%'"
    await office.until(f"SELECT EXISTS ({told})")


@in_one_loop
async def test_who_cannot_be_merged_is_refused(office: Office) -> None:
    person = await office.person()
    for body in ({}, {"into": person.id}, {"into": "nobody00000000a"}, {"into": 1}):
        answer = await office.api.root.post(path(person), json=body)
        assert set(refused(answer, 400, "validation_failed")["data"]) == {"into"}
    wrong = await office.api.root.post(path(person), json={"into": (await office.person()).id, "dryRun": "yes"})
    assert set(refused(wrong, 400, "validation_failed")["data"]) == {"dryRun"}
    missing = Person("nobody00000000a", "")
    refused(await office.api.root.post(path(missing), json={"into": person.id}), 404, "not_found")
    refused(await office.api.client("").post(path(person), json={"into": "x"}), 401, "unauthenticated")
    await office.log_in(person)
