"""What a list of deliveries can be asked for."""

from datetime import UTC, datetime

import pytest

from holdfast.errors import BadRequest
from holdfast.webhooks.delivery_query import DeliveryQuery, read_delivery_query, read_number


def test_what_is_asked_is_read():
    query = {
        "state": "dead",
        "type": "posts.*",
        "status": "503",
        "record": "r1",
        "event": "evt_1",
        "from": "2026-11-21 12:00:00Z",
        "to": "2026-11-22",
        "before": "17",
        "limit": "5",
    }
    since, until = datetime(2026, 11, 21, 12, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)
    assert read_delivery_query(query) == DeliveryQuery(5, 17, 3, "posts.*", 503, "r1", "evt_1", since, until)
    assert read_delivery_query({}) == DeliveryQuery()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"state": "late"}, ["state"]),
        ({"limit": "0"}, ["limit"]),
        ({"limit": "201"}, ["limit"]),
        ({"before": "-1"}, ["before"]),
        ({"before": "9" * 19}, ["before"]),
        ({"status": "99"}, ["status"]),
        ({"status": "5xx"}, ["status"]),
        ({"from": "yesterday", "to": "2026-13-01"}, ["from", "to"]),
        ({"type": "a\0b", "record": "\0", "event": "e" * 201}, ["type", "record", "event"]),
        ({"sort": "type"}, ["sort"]),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_by_its_parameter(query: dict[str, str], named: list[str]):
    with pytest.raises(BadRequest) as refused:
        read_delivery_query(query)
    assert list(refused.value.data) == named


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("1e3", None), ("", None), ("١", None)]
)
def test_an_id_is_a_whole_number_that_fits(text: str, number: int | None):
    assert read_number(text) == number
