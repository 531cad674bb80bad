"""Which headers an endpoint may have sent along."""

from typing import Any

import pytest

from holdfast.webhooks.headers import MAX_VALUE_CHARS, MOST, wrong_headers


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Shop": "7"}, {"Authorization": "Bearer abc"}, {"x-a": "", "x-b": "a b\tc"}],
    ids=["none", "one", "a login of the receiver's", "empty and with blanks"],
)
def test_these_are_sent(headers: dict[str, str]):
    assert wrong_headers(headers) is None


@pytest.mark.parametrize(
    ("headers", "wrong"),
    [
        pytest.param([], "Must be an object of texts", id="a list"),
        pytest.param(None, "Must be an object of texts", id="null"),
        pytest.param({f"x-{n}": "" for n in range(MOST + 1)}, "At most", id="too many"),
        pytest.param({"X-A": "1", "x-a": "2"}, "Each header can be sent once.", id="one twice"),
        pytest.param({"Host": "x"}, "is set by the server", id="S-43 Host"),
        pytest.param({"content-length": "0"}, "is set by the server", id="S-43 Content-Length"),
        pytest.param({"Transfer-Encoding": "chunked"}, "is set by the server", id="S-43 Transfer-Encoding"),
        pytest.param({"webhook-id": "x"}, "is set by the server", id="S-43 webhook-id"),
        pytest.param({"Webhook-Anything": "x"}, "is set by the server", id="S-43 whatever begins so"),
        pytest.param({"x": "a\r\ny: b"}, "on one line", id="S-43 a line end in a value"),
        pytest.param({"x\r\ny": "b"}, "is no name of a header", id="S-43 a line end in a name"),
        pytest.param({"x": "ä"}, "of ASCII", id="S-43 beyond ASCII"),
        pytest.param({"x:": "a"}, "is no name of a header", id="a colon"),
        pytest.param({"": "a"}, "is no name of a header", id="no name"),
        pytest.param({"x": 5}, "must be a text", id="a number"),
        pytest.param({"x": "a" * (MAX_VALUE_CHARS + 1)}, "must be a text of at most", id="too long"),
    ],
)
def test_these_are_not(headers: Any, wrong: str):
    assert wrong in (wrong_headers(headers) or "")
