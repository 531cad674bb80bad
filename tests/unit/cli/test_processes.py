"""The pieces of `holdfast serve` that need no server."""

from pathlib import Path

import pytest

from holdfast.cli.announcement import Announcement, text
from holdfast.cli.database import connections
from holdfast.cli.listen import address, listen
from holdfast.cli.worker import Duty, decode, encode
from holdfast.config import Settings
from holdfast.db.needed import needed_connections


def test_a_duty_arrives_as_it_was_sent():
    settings = Settings(data=Path("/srv/data"), cors_origins=("https://a.example",), superuser_password="a\nb")
    duty = Duty(settings, "postgresql://u:p@h/d", 7)
    line = encode(duty)
    assert line.count(b"\n") == 1
    assert decode(line) == duty


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:"), ("localhost", "http://127.0.0.1:")],
)
def test_an_address_is_one_that_a_browser_can_open(host: str, shown: str):
    with listen(host, 0) as bound:
        assert address(bound).startswith(shown) or address(bound).startswith("http://[::1]:")


def test_the_embedded_postgresql_has_a_connection_for_every_pool():
    many = Settings(workers=8, database_pool_size=20)
    assert connections(many) >= needed_connections(many) + 20 > 8 * 20 + 20
    assert connections(Settings()) >= 50


def announcement(**more: object) -> str:
    known = {"address": "http://127.0.0.1:8090", "data": "/srv/data", "database": "PostgreSQL 18.6", "workers": 1}
    return text(Announcement(**{**known, **more}))  # type: ignore[arg-type]


def test_the_announcement_says_where_and_how_to_go_on():
    said = announcement(setup_link="http://127.0.0.1:8090/_/setup#token=abc", messages=("A note.",))
    for part in ("http://127.0.0.1:8090/api/docs", "/srv/data", "PostgreSQL 18.6", "#token=abc", "A note."):
        assert part in said


def test_without_a_setup_link_there_is_no_word_of_a_superuser():
    assert "superuser" not in announcement()
