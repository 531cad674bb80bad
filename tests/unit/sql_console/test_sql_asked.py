"""What may be asked of the SQL console, and what its roles are called."""

from typing import Any

import pytest

from holdfast.db.console_roles import role_key, role_name, role_password
from holdfast.errors import ValidationFailed
from holdfast.sql_console.asked import MAX_CHARS, read_asked


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"sql"}),
        ({"sql": " ;\n; "}, {"sql"}),
        ({"sql": 7}, {"sql"}),
        ({"sql": "x" * (MAX_CHARS + 1)}, {"sql"}),
        ({"sql": "a\0b"}, {"sql"}),
        ({"sql": "x", "mode": "admin", "limit": 0, "timeout": "3"}, {"mode", "limit", "timeout"}),
        ({"sql": "x", "limit": True}, {"limit"}),
        ({"sql": "x", "explain": "yes"}, {"explain"}),
        ({"sql": "x", "explain": "analyze", "mode": "write"}, {"explain"}),
        ({"sql": "x", "commit": 3}, {"commit"}),
        ({"sql": "x", "mode": "write", "commit": -1}, {"commit"}),
        ({"sql": "x", "password": 7, "role": "postgres"}, {"password", "role"}),
    ],
    ids=lambda value: "" if isinstance(value, set) else None,
)
def test_what_is_wrong_is_said_by_its_key(body: dict[str, Any], wrong: set[str]):
    with pytest.raises(ValidationFailed) as refusal:
        read_asked(body)
    assert set(refusal.value.data) == wrong


def test_what_is_asked_has_its_defaults():
    asked = read_asked({"sql": "SELECT 1"})
    assert (asked.mode, asked.explain, asked.limit, asked.timeout, asked.commit) == ("read", "", 1000, 10, None)


def test_a_role_has_a_name_that_fits_and_a_password_of_its_own():
    assert role_name("holdfast", "read") == "holdfast_reader"
    assert len(role_name("x" * 63, "write")) == 63
    key = role_key("postgresql://holdfast:a%40b@/holdfast?host=/tmp", b"other")
    assert (key, role_key("postgresql:///holdfast", b"other")) == (b"a@b", b"other")
    assert role_password(key, "a") != role_password(key, "b")
