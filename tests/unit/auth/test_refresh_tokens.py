"""Refresh tokens: ours, in order, and nothing that can be made up."""

import base64
import os

import pytest

from holdfast.auth.refresh_tokens import (
    PREFIX,
    RefreshKeys,
    RefreshToken,
    first_token,
    hash_token,
    read_token,
    successor,
    write_token,
)

KEYS = RefreshKeys.of(b"s" * 32)
TOKEN = RefreshToken("abcdefghijklmno", 3, b"c" * 32)


def test_a_token_is_read_as_it_was_written() -> None:
    assert read_token(KEYS, write_token(KEYS, TOKEN)) == TOKEN


def test_a_token_has_256_bits_of_chance_and_stands_in_a_header_as_it_is() -> None:
    one, other = first_token("abcdefghijklmno"), first_token("abcdefghijklmno")
    assert len(one.chance) == 32
    assert one.chance != other.chance
    text = write_token(KEYS, one)
    assert text.startswith(PREFIX)
    assert text.removeprefix(PREFIX).replace("-", "").replace("_", "").isalnum()


def test_the_successor_follows_from_the_token_the_key_and_the_nonce() -> None:
    nonce = os.urandom(16)
    following = successor(KEYS, TOKEN, nonce)
    assert following == successor(KEYS, TOKEN, nonce)
    assert (following.session_id, following.generation) == (TOKEN.session_id, 4)
    others = (
        successor(KEYS, TOKEN, os.urandom(16)),
        successor(RefreshKeys.of(b"t" * 32), TOKEN, nonce),
        successor(KEYS, RefreshToken(TOKEN.session_id, 3, b"d" * 32), nonce),
        successor(KEYS, RefreshToken("omnlkjihgfedcba", 3, TOKEN.chance), nonce),
    )
    assert len({one.chance for one in (following, TOKEN, *others)}) == 6


def test_two_tokens_have_two_hashes() -> None:
    hashes = {hash_token(TOKEN), hash_token(RefreshToken(TOKEN.session_id, 4, TOKEN.chance))}
    assert len(hashes) == 2
    assert {len(one) for one in hashes} == {32}


def _changed(at: int) -> str:
    content = bytearray(base64.urlsafe_b64decode(write_token(KEYS, TOKEN).removeprefix(PREFIX) + "="))
    content[at] ^= 1
    return PREFIX + base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(PREFIX, id="the prefix alone"),
        pytest.param(PREFIX + "!" * 87, id="no base64"),
        pytest.param(PREFIX + "é" * 87, id="not ASCII"),
        pytest.param(write_token(KEYS, TOKEN)[:-1], id="cut off"),
        pytest.param(write_token(KEYS, TOKEN) + "A", id="too long"),
        pytest.param(write_token(KEYS, TOKEN).removeprefix(PREFIX), id="without its prefix"),
        pytest.param(write_token(RefreshKeys.of(b"t" * 32), TOKEN), id="of another server"),
        *(pytest.param(_changed(at), id=f"changed at {at}") for at in (0, 14, 20, 21, 52, 53, 64)),
    ],
)
def test_what_the_server_did_not_write_is_none(text: str) -> None:
    assert read_token(KEYS, text) is None
