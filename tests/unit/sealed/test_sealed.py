"""Secrets at rest: only what belongs in a place can be read there."""

import pytest

from holdfast.sealed import CannotUnseal, derived_key, seal, unseal

SECRET = b"s" * 32


def test_what_was_sealed_is_unsealed() -> None:
    sealed = seal(SECRET, "totp", "users/ann", b"a secret")
    assert unseal(SECRET, "totp", "users/ann", sealed) == b"a secret"
    assert b"a secret" not in sealed


def test_the_same_secret_never_looks_the_same() -> None:
    assert seal(SECRET, "totp", "users/ann", b"a secret") != seal(SECRET, "totp", "users/ann", b"a secret")


SEALED = seal(SECRET, "totp", "users/ann", b"a secret")


@pytest.mark.parametrize(
    ("secret", "purpose", "place", "sealed"),
    [
        pytest.param(b"t" * 32, "totp", "users/ann", SEALED, id="another server"),
        pytest.param(SECRET, "signing key", "users/ann", SEALED, id="another purpose"),
        pytest.param(SECRET, "totp", "users/bob", SEALED, id="another place"),
        pytest.param(SECRET, "totp", "users/ann", SEALED[:-1] + bytes([SEALED[-1] ^ 1]), id="changed"),
        pytest.param(SECRET, "totp", "users/ann", SEALED[:10], id="cut off"),
        pytest.param(SECRET, "totp", "users/ann", b"", id="empty"),
    ],
)
def test_anything_else_is_refused(secret: bytes, purpose: str, place: str, sealed: bytes) -> None:
    with pytest.raises(CannotUnseal):
        unseal(secret, purpose, place, sealed)


def test_each_purpose_has_a_key_of_its_own() -> None:
    assert len({derived_key(SECRET, "a"), derived_key(SECRET, "b"), SECRET}) == 3
