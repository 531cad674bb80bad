"""What a rule can ask of a request."""

import pytest

from holdfast.db.sql import Inputs, Statement
from holdfast.http.form import FormValue, Upload
from holdfast.identity import Principal
from holdfast.rules.facts import CALLER_ID, FACTS, Facts
from holdfast.storage.spool import Spooled

X = Spooled.of(b"x")
BODY = {
    "title": "a",
    "tags+": ["x"],
    "-views": 1,
    "meta": {"k": [1, "two", None, {"z": True}]},
    "none": None,
    "form": FormValue(("one",)),
    "texts": FormValue(("one", "two")),
    "files": FormValue((), (Upload("a.png", "image/png", X), Upload("b\0.png", "image/png", X))),
}


@pytest.mark.parametrize(
    ("path", "is_set", "sent", "items"),
    [
        ("title", True, '"a"', []),
        ("tags", True, None, []),
        ("views", True, None, []),
        ("none", True, "null", []),
        ("nothing", False, None, []),
        ("meta.k", True, '[1,"two",null,{"z":true}]', ["1", "two", "null", '{"z":true}']),
        ("meta.k.1", True, '"two"', []),
        ("meta.k.3.z", True, "true", []),
        ("meta.k.9", False, None, []),
        ("meta.k.x", False, None, []),
        ("title.x", False, None, []),
        ("form", True, '"one"', []),
        ("texts", True, '["one","two"]', ["one", "two"]),
        ("files", True, '["a.png","b.png"]', ["a.png", "b.png"]),
    ],
)
def test_what_was_sent_is_found_by_its_path(path: str, is_set: bool, sent: str | None, items: list[str]):
    facts, names = Facts(body=BODY), tuple(path.split("."))
    assert (facts.is_set(names), facts.sent(names), facts.sent_items(names)) == (is_set, sent, items)


def test_headers_are_named_as_in_rules():
    facts = Facts(headers={b"x-api-token": b"a", b"accept": b"\xe4"})
    assert facts.header_texts == {"x_api_token": "a", "accept": "ä"}


def test_the_callers_id_is_one_parameter_however_often_it_stands_there():
    statement = Statement.of(CALLER_ID + CALLER_ID)
    assert statement.text == "$1::text$1::text"
    for id in ("a", "b"):
        assert statement.args(Inputs(named={FACTS: Facts(who=Principal(record_id=id))})) == [id]


def test_a_query_is_read_only_when_it_is_asked_for():
    def broken() -> dict[str, str]:
        raise AssertionError("nobody asked")

    facts = Facts(query=broken)
    assert facts.context == "default"
    with pytest.raises(AssertionError):
        facts.query()
