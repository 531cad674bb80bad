"""Accounts that are nobody's any more, though their records stay."""

from typing import Any

from client import PASSWORD, in_one_loop, refused
from office import Office, Person

FIELDS = [
    {"name": "name", "type": "text"},
    {"name": "site", "type": "url"},
    {"name": "points", "type": "number"},
    {"name": "photo", "type": "file"},
    {"name": "born", "type": "date", "required": True},
]


async def made(office: Office, **options: Any) -> tuple[str, Person]:
    """A collection of people with a past, and one of them."""
    collection = await office.collection(fields=FIELDS, history=True, **options)
    return collection, await office.person(
        collection, name="Ann", site="https://ann.example", points=7, born="1990-01-01"
    )


def path(collection: str, id: str) -> str:
    return f"/api/collections/{collection}/accounts/{id}/anonymise"


@in_one_loop
async def test_it_is_said_before_what_would_be_blanked(office: Office) -> None:
    collection, person = await made(office)
    found = (await office.api.root.get(path(collection, person.id))).json()
    assert {one["name"]: (one["blank"], one["to"]) for one in found["fields"]} == {
        "email": (True, None),
        "name": (True, None),
        "site": (True, None),
        "points": (False, None),
        "photo": (True, None),
        "born": (False, None),
    }
    assert (await office.record(person.id, collection))["name"] == "Ann"
    assert found["account"]["id"] == person.id


@in_one_loop
async def test_the_record_stays_and_nothing_in_it_or_its_past_says_whose_it_was(office: Office) -> None:
    collection, person = await made(office)
    before = await office.record(person.id, collection)
    answer = await office.api.root.post(path(collection, person.id))
    assert answer.status_code == 200, answer.text
    record = await office.record(person.id, collection)
    assert [record[name] for name in ("email", "name", "site", "verified", "points")] == ["", "", "", False, 7]
    assert record["born"] == before["born"]
    past = (await office.api.root.get(f"/api/collections/{collection}/records/{person.id}/history")).text
    assert person.email not in past
    assert "Ann" not in past
    assert answer.json()["versions"] >= 1
    told = (
        "SELECT count(*) FROM holdfast.events WHERE record_id = $1 AND (record LIKE '%Ann%' OR previous LIKE '%Ann%')"
    )
    assert await office.value(told, person.id) == 0


@in_one_loop
async def test_nobody_logs_in_to_it_any_more(office: Office) -> None:
    collection, person = await made(office)
    token = await office.log_in(person, collection)
    of = (await office.definition(collection)).id
    await office.api.create("_externalAuths", collectionRef=of, recordRef=person.id, provider="github", providerId="9")
    assert (await office.api.root.post(path(collection, person.id))).status_code == 200
    assert not await office.is_logged_in(token, collection)
    body = {"identity": person.email, "password": PASSWORD}
    refused(await office.post(f"{collection}/auth-with-password", body), 400, "bad_request")
    assert await office.value('SELECT count(*) FROM public."_externalAuths" WHERE "recordRef" = $1', person.id) == 0


@in_one_loop
async def test_the_audit_log_says_who_did_it_and_not_whose_it_was(office: Office) -> None:
    collection, person = await made(office)
    await office.api.root.post(path(collection, person.id), json={"fields": ["name", "email"]})
    found = (await office.api.root.get(f"/api/audit?target={person.id}")).json()["items"]
    [entry] = [one for one in found if one["action"] == "auth.anonymised"]
    assert entry["details"] == {"fields": ["email", "name"]}
    assert person.email not in str(found)


@in_one_loop
async def test_only_the_named_fields_are_blanked_where_some_are_named(office: Office) -> None:
    collection, person = await made(office)
    done = await office.api.root.post(path(collection, person.id), json={"fields": ["name", "points"]})
    assert done.json()["fields"] == ["name", "points"]
    record = await office.record(person.id, collection)
    assert [record[name] for name in ("name", "points", "site")] == ["", 0, "https://ann.example"]


@in_one_loop
async def test_a_required_address_becomes_one_that_no_mail_reaches(office: Office) -> None:
    collection, person = await made(office)
    fields = (await office.api.root.get(f"/api/collections/{collection}")).json()["fields"]
    fields = [{**one, "required": True} if one["name"] == "email" else one for one in fields]
    await office.api.root.patch(f"/api/collections/{collection}", json={"fields": fields})
    assert (await office.api.root.post(path(collection, person.id))).status_code == 200
    assert (await office.record(person.id, collection))["email"] == f"{person.id}@anonymous.invalid"


@in_one_loop
async def test_a_required_address_of_a_domain_stays_and_all_else_is_blanked(office: Office) -> None:
    collection, person = await made(office)
    fields = (await office.api.root.get(f"/api/collections/{collection}")).json()["fields"]
    strict = {"required": True, "onlyDomains": ["example.com"]}
    fields = [{**one, **strict} if one["name"] == "email" else one for one in fields]
    await office.api.root.patch(f"/api/collections/{collection}", json={"fields": fields})
    done = await office.api.root.post(path(collection, person.id))
    assert done.status_code == 200, done.text
    record = await office.record(person.id, collection)
    assert (record["email"], record["name"]) == (person.email, "")


@in_one_loop
async def test_the_past_is_wiped_where_a_field_has_always_been_hidden(office: Office) -> None:
    notes = {"name": "notes", "type": "text", "hidden": True}
    collection = await office.collection(fields=[*FIELDS, notes], history=True)
    person = await office.person(collection, name="Ann", born="1990-01-01", notes="tall")
    done = await office.api.root.post(path(collection, person.id))
    assert done.status_code == 200, done.text
    past = (await office.api.root.get(f"/api/collections/{collection}/records/{person.id}/history")).text
    assert (await office.record(person.id, collection))["notes"] == ""
    assert person.email not in past


@in_one_loop
async def test_a_hidden_field_alone_is_blanked_though_no_version_has_it(office: Office) -> None:
    notes = {"name": "notes", "type": "text", "hidden": True}
    collection = await office.collection(fields=[*FIELDS, notes], history=True)
    person = await office.person(collection, name="Ann", born="1990-01-01", notes="tall")
    done = await office.api.root.post(path(collection, person.id), json={"fields": ["notes"]})
    assert done.json() == {"fields": ["notes"], "versions": 0, "events": 0}


@in_one_loop
async def test_what_cannot_be_blanked_is_refused_and_nothing_is_done(office: Office) -> None:
    collection, person = await made(office)
    for fields in (["born"], ["id"], ["nothing"], "name", [1]):
        answer = await office.api.root.post(path(collection, person.id), json={"fields": fields})
        assert set(refused(answer, 400, "validation_failed")["data"]) == {"fields"}
    refused(await office.api.root.post(path(collection, "nobody00000000a")), 404, "not_found")
    root = (await office.api.root.get("/api/collections/_superusers/records")).json()["items"][0]["id"]
    refused(await office.api.root.post(path("_superusers", root)), 400, "bad_request")
    refused(await office.api.client("").post(path(collection, person.id)), 401, "unauthenticated")
    assert (await office.record(person.id, collection))["name"] == "Ann"
