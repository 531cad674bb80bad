"""Events, positions and contexts as text and back."""

import uuid
from typing import Any

import msgspec
import pytest

from holdfast.events.context import Context, context_of, read_context, read_hops, write_context
from holdfast.events.event import NOTHING, Event, event_json, read_event
from holdfast.events.position import Position, read_position
from holdfast.identity import GUEST, Principal

ID = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def row(**given: Any) -> dict[str, Any]:
    """A row of the log."""
    return {
        "id": ID,
        "seq": 7,
        "type": "posts.updated",
        "timestamp": "2026-01-02 03:04:05.006Z",
        "collection_id": "c1",
        "collection": "posts",
        "record_id": "p1",
        "record": '{"id":"p1","title":"b"}',
        "previous": '{"title":"a"}',
        "context": None,
        "whole": True,
        **given,
    }


def test_an_event_is_written_as_the_contract_has_it():
    who = Principal(kind="user", collection_id="u", collection="users", record_id="ada")
    event = read_event(row(context=write_context(context_of(who, "request-1"))))
    assert event_json(event) == (
        b'{"id":"evt_01890a5dac96774bbcceb302099a8057","seq":7,"type":"posts.updated",'
        b'"timestamp":"2026-01-02 03:04:05.006Z","collection":"posts",'
        b'"record":{"collectionId":"c1","collectionName":"posts","id":"p1","title":"b"},'
        b'"changed":["title"],"previous":{"title":"a"},'
        b'"actor":{"kind":"user","collection":"users","id":"ada"},"request":"request-1"}'
    )


def test_an_update_that_leaves_everything_as_it_was_has_changed_nothing():
    assert b'"changed":[],"previous":{}' in event_json(read_event(row(previous="{}")))
    assert b'"changed"' not in event_json(read_event(row(type="posts.created", previous=None)))


@pytest.mark.parametrize(
    ("type", "collection_id", "action"),
    [
        ("posts.created", "c1", "create"),
        ("posts.updated", "c1", "update"),
        ("posts.deleted", "c1", "delete"),
        ("posts.truncated", "c1", "truncate"),
        ("orders.created", None, ""),
        ("auth.login", None, ""),
    ],
    ids=["create", "update", "delete", "truncate", "a plugin's own", "about something else"],
)
def test_the_action_is_that_of_a_record(type: str, collection_id: str | None, action: str):
    assert read_event(row(type=type, collection_id=collection_id)).action == action


@pytest.mark.parametrize(
    ("given", "record", "changed"),
    [
        ({"record": None, "previous": None}, NOTHING, ()),
        ({"record": "{}"}, b'{"collectionId":"c1","collectionName":"posts"}', ("title",)),
        ({"record": "no json", "previous": "{"}, NOTHING, ()),
        ({"record": '"text"', "previous": "[1]"}, NOTHING, ()),
        ({"record": '{"a":1}', "collection_id": None}, b'{"a":1}', ("title",)),
    ],
    ids=["none", "empty", "broken", "not an object", "of no collection"],
)
def test_a_record_is_an_object_or_nothing(given: dict[str, Any], record: Any, changed: tuple[str, ...]):
    event = read_event(row(**given))
    assert (bytes(event.record), event.changed) == (bytes(record), changed)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", '{"actor":3}', '{"actor":{"kind":"king"}}', '{"hops":"x"}', "{"],
    ids=["empty", "null", "list", "actor", "kind", "hops", "cut"],
)
def test_a_context_that_somebody_else_has_set_says_nothing(text: str):
    assert read_context(text) == Context()


def test_a_context_comes_back_as_it_was_written():
    who = Principal(kind="key", name="importer", key_id="k1")
    context = context_of(who, "r", 3)
    assert read_context(write_context(context)) == context
    assert write_context(context_of(GUEST)) == '{"actor":{"kind":"guest"}}'


@pytest.mark.parametrize(
    ("header", "hops"),
    [(None, 0), (b"", 0), (b"3", 3), (b"-1", 0), (b"3 ", 0), (b"9999", 1000), (b"99999", 0), (b"\xb2", 0)],
    ids=["none", "empty", "three", "negative", "space", "many", "too long", "another script"],
)
def test_hops_are_counted_by_whoever_counts_them_honestly(header: bytes | None, hops: int):
    assert read_hops(Principal(kind="key"), header) == hops
    assert read_hops(Principal(kind="superuser"), header) == hops


@pytest.mark.parametrize("who", [GUEST, Principal(kind="user")], ids=["guest", "user"])
def test_nobody_else_can_say_that_webhooks_led_to_what_they_do(who: Principal):
    assert read_hops(who, b"3") == 0


def test_a_position_comes_back_as_it_was_written():
    assert read_position(str(Position("abc123", 42))) == Position("abc123", 42)


@pytest.mark.parametrize(
    "text",
    ["", "abc", "abc:", ":1", "abc:-1", "abc:1.5", "abc:1:2", "a b:1", "abc:٣", "abc:99999999999999999999"],
    ids=["empty", "no number", "no digits", "no epoch", "negative", "fraction", "two", "space", "script", "too large"],
)
def test_what_is_no_position_is_none(text: str):
    assert read_position(text) is None


def test_an_event_is_a_value():
    event = read_event(row())
    with pytest.raises(AttributeError):
        event.seq = 8  # pyright: ignore[reportAttributeAccessIssue]
    assert isinstance(event, Event)
    assert msgspec.json.decode(event.previous) == {"title": "a"}
