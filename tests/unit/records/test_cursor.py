"""Cursors: what is sealed in them, and the rows that come after."""

import base64

import pytest

from holdfast.db.sql import Inputs, Sql, Statement, raw
from holdfast.errors import BadRequest
from holdfast.records.cursor import AFTER, Key, Position, after, seal, unseal

SECRET = b"k" * 32
CONTEXT = b"posts|-created|"

CREATED = Key(raw("created"), "timestamptz", descending=True)
TITLE = Key(raw("title"), "text")
DUE = Key(raw("due"), "timestamptz", nullable=True)
DUE_DOWN = Key(raw("due"), "timestamptz", descending=True, nullable=True)
ID = Key(raw("id"), "text")
ID_DOWN = Key(raw("id"), "text", descending=True)


@pytest.mark.parametrize("position", [("a",), ("2026-01-01 00:00:00+00", "abc"), (None, "", "ü\n'\"")])
def test_a_cursor_gives_back_what_was_sealed(position: Position):
    assert unseal(SECRET, CONTEXT, seal(SECRET, CONTEXT, position)) == position


def test_a_cursor_is_safe_in_an_address():
    cursor = seal(SECRET, CONTEXT, ("\u00ff" * 50, "id"))
    assert cursor.replace("-", "").replace("_", "").isalnum()


def _flipped(cursor: str) -> list[str]:
    sealed = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    found: list[str] = []
    for at in range(len(sealed)):
        sealed[at] ^= 1
        found.append(base64.urlsafe_b64encode(bytes(sealed)).rstrip(b"=").decode())
        sealed[at] ^= 1
    return found


def test_no_bit_of_a_cursor_can_be_changed():
    for tampered in _flipped(seal(SECRET, CONTEXT, ("a", "b"))):
        with pytest.raises(BadRequest):
            unseal(SECRET, CONTEXT, tampered)


@pytest.mark.parametrize(
    ("secret", "context"),
    [
        pytest.param(b"x" * 32, CONTEXT, id="another server"),
        pytest.param(SECRET, b"posts|created|", id="another sort"),
    ],
)
def test_a_cursor_of_something_else_is_refused(secret: bytes, context: bytes):
    with pytest.raises(BadRequest) as refusal:
        unseal(secret, context, seal(SECRET, CONTEXT, ("a", "b")))
    assert list(refusal.value.data) == ["cursor"]


@pytest.mark.parametrize("text", ["", "a", "!!!!", "ü", "AAAA", "A" * 8000, "AAAA====", "a b"])
def test_what_is_no_cursor_is_refused(text: str):
    with pytest.raises(BadRequest):
        unseal(SECRET, CONTEXT, text)


@pytest.mark.parametrize(
    ("keys", "nulls", "expected"),
    [
        pytest.param((ID,), (False,), ["id > $1"], id="the id alone"),
        pytest.param((CREATED, ID_DOWN), (False, False), ["(created, id) < ($1, $2)"], id="one direction is a row"),
        pytest.param(
            (TITLE, CREATED, ID_DOWN),
            (False, False, False),
            ["title = $1 AND (created, id) < ($2, $3)", "title > $1"],
            id="a change of direction is a branch",
        ),
        pytest.param((DUE, ID), (False, False), ["(due, id) > ($1, $2)"], id="nulls came before"),
        pytest.param(
            (DUE, ID), (True, False), ["due IS NULL AND id > $1", "due IS NOT NULL"], id="values come after null"
        ),
        pytest.param(
            (DUE_DOWN, ID_DOWN), (False, False), ["(due, id) < ($1, $2)", "due IS NULL"], id="nulls come after"
        ),
        pytest.param((DUE_DOWN, ID_DOWN), (True, False), ["due IS NULL AND id < $1"], id="nothing comes after null"),
        pytest.param(
            (TITLE, DUE_DOWN, ID),
            (False, False, False),
            [
                "title = $1 AND due = $2 AND id > $3",
                "title = $1 AND due < $2",
                "title = $1 AND due IS NULL",
                "title > $1",
            ],
            id="each change of direction, and nulls in the middle",
        ),
    ],
)
def test_the_rows_after_a_position(keys: tuple[Key, ...], nulls: tuple[bool, ...], expected: list[str]):
    assert [_text(branch.condition, keys) for branch in after(keys, nulls)] == expected


def test_a_cursor_from_before_the_keys_changed_is_refused():
    with pytest.raises(BadRequest):
        after((TITLE, ID), (False, False, False))


def test_a_branch_is_ordered_by_what_is_not_fixed_in_it():
    branches = after((TITLE, CREATED, ID_DOWN), (False, False, False))
    assert [branch.order for branch in branches] == [(CREATED, ID_DOWN), (TITLE, CREATED, ID_DOWN)]


def test_values_are_read_from_the_inputs():
    branch = after((TITLE, ID), (False, False))[0]
    assert Statement.of(branch.condition).args(Inputs(named={AFTER: ("a", "b")})) == ["a", "b"]


def _text(condition: Sql, keys: tuple[Key, ...]) -> str:
    text = Statement.of(condition).text
    for key in keys:
        text = text.replace(f"::text::{key.cast}", "")
    return text
