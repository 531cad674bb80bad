"""Who is believed about the webhooks that led to a request."""

import pytest

from holdfast.events.context import MOST_HOPS, read_hops
from holdfast.identity import GUEST, Principal

KEY = Principal(kind="key", key_id="k1")
ROOT = Principal(kind="superuser", record_id="r1")
USER = Principal(kind="user", record_id="u1")


@pytest.mark.parametrize(
    ("who", "header", "hops"),
    [
        pytest.param(KEY, b"3", 3, id="a key"),
        pytest.param(ROOT, b"3", 3, id="a superuser"),
        pytest.param(USER, b"3", 0, id="a user, who could hide what they do"),
        pytest.param(GUEST, b"3", 0, id="nobody"),
        pytest.param(KEY, None, 0, id="no header"),
        pytest.param(KEY, b"", 0, id="an empty header"),
        pytest.param(KEY, b"-3", 0, id="less than none"),
        pytest.param(KEY, b"three", 0, id="no number"),
        pytest.param(KEY, b"9" * 4, MOST_HOPS, id="more than there can be"),
        pytest.param(KEY, b"9" * 400, 0, id="a number without end"),
    ],
)
def test_hops_are_believed_of_keys_and_superusers(who: Principal, header: bytes | None, hops: int):
    assert read_hops(who, header) == hops
