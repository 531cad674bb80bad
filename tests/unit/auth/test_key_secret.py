"""The secrets of API keys: their form, and what is refused before anybody looks for it."""

import re

import pytest

from holdfast.auth.key_secret import hash_of, new_secret, read_secret
from holdfast.schema.ids import new_id

ID = "abcdefghijklmno"
SECRET = new_secret(ID)


def test_a_secret_has_the_form_that_scanners_can_look_for():
    assert re.fullmatch(r"hf_[a-z0-9]{15}_[0-9A-Za-z]{49}", new_secret(new_id()))


def test_no_two_secrets_are_alike():
    assert len({new_secret(ID) for _ in range(1000)}) == 1000


def test_a_secret_tells_its_key_and_is_kept_as_a_hash():
    found = read_secret(SECRET)
    assert found is not None
    assert (found.id, found.hash) == (ID, hash_of(SECRET))
    assert SECRET[20:].encode() not in found.hash


def _with(at: int) -> str:
    """The secret with another character at a place."""
    other = "0" if SECRET[at] != "0" else "1"
    return SECRET[:at] + other + SECRET[at + 1 :]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("hf_", id="a prefix"),
        pytest.param(SECRET[:-1], id="one less"),
        pytest.param(SECRET + "0", id="one more"),
        pytest.param(_with(5), id="another id"),
        pytest.param(_with(30), id="another random part"),
        pytest.param(_with(len(SECRET) - 1), id="another checksum"),
        pytest.param(SECRET.upper(), id="upper case"),
        pytest.param(SECRET.replace("_", "-"), id="hyphens"),
        pytest.param(f" {SECRET}", id="a space"),
        pytest.param(SECRET[:30] + "é" + SECRET[31:], id="no ASCII"),
    ],
)
def test_what_cannot_be_a_secret_is_none(text: str):
    assert read_secret(text) is None
