"""Why a database of the operator's own cannot be used, as a sentence without secrets."""

import socket
import ssl

import asyncpg
import msgspec
import pytest

from holdfast.db.external import About, explain, place, unfit

FIT = About(
    number=150004,
    version="15.4",
    standby=False,
    role="app",
    database="shop",
    encoding="UTF8",
    schemas=True,
    tables=True,
)
URL = "postgresql://app:hunter2@db.example.com:6432/shop"


def test_a_server_of_version_15_that_lets_us_work_is_fit():
    assert unfit(FIT) is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(
            {"number": 140012, "version": "14.12"}, "is PostgreSQL 14.12, and Holdfast needs version 15", id="too old"
        ),
        pytest.param({"standby": True}, "read-only standby", id="standby"),
        pytest.param({"encoding": "LATIN1"}, "The database shop has the encoding LATIN1", id="encoding"),
        pytest.param({"schemas": False}, "run GRANT CREATE ON DATABASE shop TO app.", id="no schemas"),
        pytest.param({"tables": False}, "run GRANT CREATE ON SCHEMA public TO app.", id="no tables"),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(change: dict[str, object], sentence: str):
    found = unfit(msgspec.structs.replace(FIT, **change))
    assert found is not None and sentence in found


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        pytest.param(ConnectionRefusedError(), "No PostgreSQL answers at db.example.com:6432/shop", id="refused"),
        pytest.param(FileNotFoundError(), "No PostgreSQL answers at", id="no socket"),
        pytest.param(socket.gaierror(), "The database host in db.example.com:6432/shop is not known", id="host"),
        pytest.param(TimeoutError(), "does not answer within 15 seconds", id="black hole"),
        pytest.param(OSError(101, "Network is unreachable"), "Network is unreachable", id="network"),
        pytest.param(ConnectionError("rejected SSL upgrade"), "does not speak TLS", id="no TLS"),
        pytest.param(
            ssl.SSLError(1, "wrong version number"),
            "TLS with the database at db.example.com:6432/shop fails: wrong version number;",
            id="TLS",
        ),
        pytest.param(
            asyncpg.InvalidPasswordError("no\nDETAIL: x"), "does not let us in: no; check user", id="password"
        ),
        pytest.param(asyncpg.InvalidCatalogNameError("no"), "CREATE DATABASE", id="database"),
        pytest.param(asyncpg.TooManyConnectionsError("no"), "has no connection left", id="full"),
        pytest.param(asyncpg.CannotConnectNowError("starting up"), "refuses the connection: starting up.", id="other"),
        pytest.param(ValueError("invalid port: 'hunter2'"), "DATABASE_URL cannot be read", id="broken URL"),
        pytest.param(asyncpg.InterfaceError("bad sslmode"), "DATABASE_URL cannot be used (bad sslmode)", id="option"),
    ],
)
def test_each_failure_to_connect_has_a_sentence_without_the_password(failure: Exception, sentence: str):
    found = explain(URL, failure)
    assert found is not None
    assert sentence in found
    assert found.endswith(".")
    assert "hunter2" not in found
    assert "\n" not in found


def test_a_failure_that_is_not_the_operators_is_left_alone():
    assert explain(URL, KeyError("x")) is None


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        (URL, "db.example.com:6432/shop"),
        ("postgresql://app@/shop?host=/run/postgresql", "/run/postgresql/shop"),
        ("postgresql://", "the default host"),
        ("postgresql://app:hun/ter2@db/shop", "the given address"),
        ("postgresql://app:hun?ter2@db/shop", "the given address"),
        ("postgresql://app:hun#ter2@db/shop", "the given address"),
        ("postgresql://[::1/shop", "the given address"),
        ("postgresql://app:x@[::1]:5432/shop", "::1:5432/shop"),
    ],
)
def test_of_an_address_only_the_place_is_printed(url: str, printed: str):
    assert place(url) == printed
