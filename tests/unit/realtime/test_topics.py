"""Topics, ids of clients and messages, as they go over a line."""

import json
from urllib.parse import quote

import pytest

from holdfast.realtime.client_id import new_client_id, process_of
from holdfast.realtime.message import event, frames
from holdfast.realtime.subscription import is_about_records
from holdfast.realtime.topic import TopicRefused, read_topic


def options(**given: object) -> str:
    return f"options={quote(json.dumps(given))}"


@pytest.mark.parametrize(
    ("text", "place", "record"),
    [
        ("posts/*", "posts", "*"),
        ("posts", "posts", "*"),
        ("posts/abc", "posts", "abc"),
        ("posts?options=", "posts", "*"),
        ("posts/abc?other=1", "posts", "abc"),
        ("pbc_1234/*", "pbc_1234", "*"),
        ("@oauth2", "@oauth2", "*"),
        ("chat/room/1", "chat", "room/1"),
    ],
)
def test_a_topic_names_a_place_and_one_record_or_all(text: str, place: str, record: str):
    topic = read_topic(text)
    assert (topic.text, topic.place, topic.record) == (text, place, record)


@pytest.mark.parametrize(
    ("text", "about"),
    [("posts/*", True), ("posts", True), ("@oauth2", False), ("PB_CONNECT", False), ("chat/room/1", False)],
)
def test_some_topics_are_about_records(text: str, about: bool):
    assert is_about_records(read_topic(text)) is about


@pytest.mark.parametrize(
    ("given", "query", "headers"),
    [
        pytest.param({}, {}, {}, id="nothing"),
        pytest.param({"query": {"filter": "a = 1"}}, {"filter": "a = 1"}, {}, id="a filter"),
        pytest.param(
            {"query": {"n": 5, "b": True, "x": None}}, {"n": "5", "b": "true"}, {}, id="values that are no texts"
        ),
        pytest.param({"query": {"l": ["é", 1]}}, {"l": '["é", 1]'}, {}, id="a list"),
        pytest.param({"headers": {"X-Token": "a"}}, {}, {"x-token": "a"}, id="a header"),
        pytest.param({"query": None, "headers": None, "other": 1}, {}, {}, id="nulls and unknown keys"),
    ],
)
def test_options_stand_for_those_of_a_request(given: dict[str, object], query: dict[str, str], headers: dict[str, str]):
    topic = read_topic(f"posts/*?{options(**given)}")
    assert (dict(topic.query), dict(topic.headers)) == (query, headers)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a/",
        "/",
        "*",
        "a\nb",
        "a?\n",
        "é\u2028",
        "a\x00",
        "a/b c",
        "a#b",
        f"a?{options(query=[1])}",
        "a?options=1",
    ],
)
def test_what_is_no_topic_is_refused(text: str):
    with pytest.raises(TopicRefused) as refusal:
        read_topic(text)
    assert refusal.value.problem.code.startswith("validation_invalid_")
    assert refusal.value.problem.message.endswith(".")


@pytest.mark.parametrize("process", [0, 1, 2**31 - 1])
def test_the_id_of_a_client_says_which_process_holds_it_and_nothing_else(process: int):
    one, other = new_client_id(process), new_client_id(process)
    assert process_of(one) == process_of(other) == process
    assert one != other
    assert len(one) == 40


@pytest.mark.parametrize("text", ["", "x", "8" + "0" * 39, "0" * 39, "0" * 41, "0" * 40 + "\n", "G" * 40, "٠" * 40])
def test_other_texts_are_the_id_of_no_client(text: str):
    assert process_of(text) is None


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        (b'{"a":1}', b'id:x:1\nevent:posts/*\ndata:{"a":1}\n\n'),
        (b'{"a":\n1}', b'id:x:1\nevent:posts/*\ndata:{"a":\ndata:1}\n\n'),
        (b'{"a":\r\n1}', b'id:x:1\nevent:posts/*\ndata:{"a":\ndata:1}\n\n'),
    ],
)
def test_an_event_is_lines_and_an_empty_one(data: bytes, sent: bytes):
    assert event("posts/*", data, "x:1") == sent
    assert json.loads(frames(sent)[0]) == {"event": "posts/*", "id": "x:1", "data": {"a": 1}}


def test_frames_leave_comments_out_and_keep_the_order():
    data = b":\n\n" + event("a", b"1") + b"retry:1000\n\n" + event("b", b'"\\n\\n"', "i")
    assert [json.loads(text) for text in frames(data)] == [
        {"event": "a", "data": 1},
        {"event": "b", "id": "i", "data": "\n\n"},
    ]
