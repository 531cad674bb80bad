"""The commands beside serve, against a database of their own."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from served import EMAIL, PASSWORD, Server, run


@pytest.fixture
def prepared(unclaimed_database: str) -> dict[str, str]:
    """The environment of a server on a database that is up to date."""
    return {"DATABASE_URL": unclaimed_database}


def can_log_in(url: str, email: str, password: str) -> bool:
    body = {"identity": email, "password": password}
    return httpx.post(f"{url}/api/collections/_superusers/auth-with-password", json=body).status_code == 200


def test_a_superuser_is_made_and_changed_while_the_server_runs_and_while_it_does_not(anywhere: Path):
    data = anywhere / "data"
    made = run("superuser", "upsert", EMAIL, PASSWORD, "--data", str(data), cwd=anywhere)
    assert (made.returncode, made.stdout) == (0, f"made the superuser {EMAIL}\n")

    server = Server(data, "--port", "0")
    url = server.started()
    assert server.wait_for("started")["setup_link"] == ""
    assert can_log_in(url, EMAIL, PASSWORD)
    changed = run("superuser", "upsert", EMAIL, "--data", str(data), cwd=anywhere, given="another password\n")
    assert (changed.returncode, changed.stdout) == (0, f"changed the superuser {EMAIL}\n")
    assert can_log_in(url, EMAIL, "another password")
    assert not can_log_in(url, EMAIL, PASSWORD)
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("email", "password", "word"),
    [("nobody", PASSWORD, "email"), (EMAIL, "short", "password")],
    ids=["no email", "short password"],
)
def test_a_superuser_that_cannot_be_is_refused(
    tmp_path: Path, prepared: dict[str, str], email: str, password: str, word: str
):
    result = run("superuser", "upsert", email, password, cwd=tmp_path, environment=prepared)
    assert result.returncode == 1
    assert word in result.stderr
    assert "Traceback" not in result.stderr


def test_a_setup_link_is_renewed_until_there_is_a_superuser(tmp_path: Path, prepared: dict[str, str]):
    first = run("setup-link", "--port", "9999", cwd=tmp_path, environment=prepared)
    second = run("setup-link", "--public-url", "https://api.example.com", cwd=tmp_path, environment=prepared)
    assert first.stdout.startswith("http://127.0.0.1:9999/_/setup#token=")
    assert second.stdout.startswith("https://api.example.com/_/setup#token=")
    assert run("superuser", "upsert", EMAIL, PASSWORD, cwd=tmp_path, environment=prepared).returncode == 0
    late = run("setup-link", cwd=tmp_path, environment=prepared)
    assert late.returncode == 1
    assert "superuser upsert" in late.stderr


def test_migrate_shows_what_it_would_do_and_does_it_once(tmp_path: Path, empty_database: str):
    environment = {"DATABASE_URL": empty_database}
    shown = run("migrate", "--dry-run", cwd=tmp_path, environment=environment).stdout
    done = run("migrate", cwd=tmp_path, environment=environment).stdout
    assert shown.replace("would apply", "applied") == done
    assert "0001_system_initial" in done
    assert run("migrate", cwd=tmp_path, environment=environment).stdout == "up to date\n"


async def change(dsn: str, sql: str) -> None:
    connection: Any = await asyncpg.connect(dsn)
    await connection.execute(sql)
    await connection.close()


def findings(tmp_path: Path, environment: dict[str, str]) -> tuple[int, dict[str, Any], dict[str, Any]]:
    result = run("doctor", "--json", cwd=tmp_path, environment=environment)
    told = json.loads(result.stdout)
    return result.returncode, {one["about"]: one for one in told["findings"]}, told["settings"]


def test_doctor_finds_only_that_the_database_of_the_tests_is_not_durable(tmp_path: Path, prepared: dict[str, str]):
    code, found, settings = findings(tmp_path, prepared)
    assert code == 1
    assert "fsync" in found["durability"]["found"]
    assert {name for name, one in found.items() if one["state"] == "broken"} == {"durability"}
    assert {"disk", "open files", "version", "durability", "role", "clock", "system schema", "collections"} <= set(
        found
    )
    assert settings["database_url"] == "(hidden)"


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ('DROP TABLE public."users"', ("table", "users")),
        ('ALTER TABLE public."users" DROP COLUMN "verified"', ("column verified", "users")),
        ('ALTER TABLE public."users" ALTER "name" TYPE varchar(9)', ("character varying(9)", "name")),
        ('ALTER TABLE public."users" ALTER "email" DROP NOT NULL', ("NOT NULL", "email")),
    ],
    ids=["no table", "no column", "another type", "nullable"],
)
async def test_doctor_finds_what_somebody_changed_by_hand(
    tmp_path: Path, prepared: dict[str, str], unclaimed_database: str, sql: str, words: tuple[str, ...]
):
    assert run("superuser", "upsert", EMAIL, PASSWORD, cwd=tmp_path, environment=prepared).returncode == 0
    await change(unclaimed_database, sql)
    code, found, _ = findings(tmp_path, prepared)
    assert code == 1
    assert found["collections"]["state"] == "broken"
    assert found["collections"]["advice"]
    assert all(word in found["collections"]["found"] for word in words), found["collections"]


async def test_doctor_finds_an_index_that_is_gone(tmp_path: Path, prepared: dict[str, str], unclaimed_database: str):
    assert run("superuser", "upsert", EMAIL, PASSWORD, cwd=tmp_path, environment=prepared).returncode == 0
    connection: Any = await asyncpg.connect(unclaimed_database)
    index = await connection.fetchval(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'public.users'::regclass AND NOT indisprimary"
    )
    await connection.execute(f"DROP INDEX public.{index}")
    await connection.close()
    code, found, _ = findings(tmp_path, prepared)
    assert code == 1
    assert "index" in found["collections"]["found"]
    assert "CREATE" in found["collections"]["advice"]


def test_doctor_says_when_the_database_cannot_be_reached(tmp_path: Path):
    environment = {"DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/x"}
    result = run("doctor", cwd=tmp_path, environment=environment)
    assert result.returncode == 1
    assert "127.0.0.1:1" in result.stdout
    assert "hunter2" not in result.stdout


@pytest.mark.parametrize(
    "command", [(), ("serve",), ("superuser", "upsert"), ("migrate",), ("doctor",), ("setup-link",)]
)
def test_every_command_has_help(tmp_path: Path, command: tuple[str, ...]):
    result = run(*command, "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert "Usage:" in result.stdout
