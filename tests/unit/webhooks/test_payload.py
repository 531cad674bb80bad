"""What is sent of an event: nothing that was hidden, or is not there for the endpoint, by now."""

from collections.abc import Sequence
from typing import Any

import msgspec

from holdfast.catalog.snapshot import Catalog
from holdfast.events.event import Event, event_json
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField
from holdfast.webhooks.endpoint import EndpointDraft
from holdfast.webhooks.payload import payload

TITLE = TextField(id="t1", name="title")
NOTE = TextField(id="t2", name="note")
RECORD = {"collectionId": "c1", "collectionName": "posts", "id": "a", "title": "T", "note": "N"}
EVENT = Event(
    id="evt_1",
    seq=1,
    type="posts.updated",
    timestamp="2026-11-21 12:00:00.000Z",
    collection_id="c1",
    collection="posts",
    record_id="a",
    record=msgspec.Raw(msgspec.json.encode(RECORD)),
    changed=("title", "note"),
    previous=msgspec.Raw(b'{"title":"t","note":"n"}'),
)


def catalog(*fields: Field, there: bool = True) -> Catalog:
    posts = Collection(id="c1", name="posts", fields=(id_field(), *fields), view_rule="")
    return Catalog(version=1, collections=(posts,) if there else ())


def sent(now: Catalog, fields: Sequence[str] = (), role: str = "") -> dict[str, Any]:
    return msgspec.json.decode(payload(now, EndpointDraft(fields=tuple(fields), role=role), EVENT))


def keys(found: dict[str, Any]) -> set[str]:
    return set(found["record"]) - {"id", "collectionId", "collectionName"}


def test_the_whole_event_is_sent_as_it_is():
    assert payload(catalog(TITLE, NOTE), EndpointDraft(), EVENT) == event_json(EVENT)


def test_the_fields_that_are_wanted_are_sent_and_none_else():
    found = sent(catalog(TITLE, NOTE), ["title"])
    assert (keys(found), found["changed"], found["previous"]) == ({"title"}, ["title"], {"title": "t"})


def test_a_field_that_was_hidden_since_is_not_sent():
    hidden = msgspec.structs.replace(NOTE, hidden=True)
    for fields in ((), ("title", "note")):
        found = sent(catalog(TITLE, hidden), fields)
        assert (keys(found), found["changed"], found["previous"]) == ({"title"}, ["title"], {"title": "t"})


def test_of_a_collection_that_was_deleted_since_a_role_sees_no_more_than_the_id():
    gone = catalog(there=False)
    assert keys(sent(gone)) == {"title", "note"}
    assert keys(sent(gone, ["note"])) == {"note"}
    assert keys(sent(gone, role="r1")) == set()


def test_a_role_that_is_gone_sees_what_everybody_sees():
    assert keys(sent(catalog(TITLE, NOTE), role="gone")) == {"title", "note"}
