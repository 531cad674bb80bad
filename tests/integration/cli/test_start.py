"""`holdfast serve` as an operator meets it: the first start, later ones, and starts that cannot be."""

import socket
import time
from pathlib import Path

import httpx
import pytest

from served import EMAIL, PASSWORD, Server, run

SUPERUSER = {"HOLDFAST_SUPERUSER_EMAIL": EMAIL, "HOLDFAST_SUPERUSER_PASSWORD": PASSWORD}


def log_in(url: str) -> str:
    answer = httpx.post(
        f"{url}/api/collections/_superusers/auth-with-password", json={"identity": EMAIL, "password": PASSWORD}
    )
    return str(answer.raise_for_status().json()["token"])


def first_answer(server: Server) -> float:
    """Seconds from the start of the process to the first answered request."""
    answer = httpx.get(f"{server.started()}/api/health")
    took = time.monotonic() - server.began
    assert answer.status_code == 200
    return took


def test_the_first_start_makes_a_database_and_a_link_and_later_ones_are_faster(anywhere: Path):
    data = anywhere / "data"
    server = Server(data, "--port", "0", first=True)
    first = first_answer(server)
    line = server.wait_for("started")
    assert line["setup_link"].startswith(f"{line['address']}/_/setup#token=")
    assert line["data"] == str(data)
    assert "embedded" in line["database"]
    assert server.stop() == 0

    again = Server(data, "--port", "0")
    later = first_answer(again)
    assert again.stop() == 0
    print(f"\nfirst start to first answer {first:.2f} s, later start {later:.2f} s")


def test_the_first_superuser_can_come_from_the_settings(anywhere: Path):
    server = Server(anywhere / "data", "--port", "0", environment=SUPERUSER, first=True)
    assert log_in(server.started())
    assert server.wait_for("started")["setup_link"] == ""
    assert server.stop() == 0
    assert PASSWORD not in str(server.lines) + server.errors


def test_a_server_on_an_external_database_starts_no_postgresql(tmp_path: Path, empty_database: str):
    environment = {**SUPERUSER, "DATABASE_URL": empty_database}
    server = Server(tmp_path / "data", "--port", "0", environment=environment)
    assert log_in(server.started())
    assert "external" in server.wait_for("started")["database"]
    assert server.stop() == 0
    assert not (tmp_path / "data").exists()


def refused(result: object, *words: str) -> None:
    """One sentence on standard error, exit code 1, and nothing that only a programmer can read."""
    assert getattr(result, "returncode", None) == 1, result
    said = str(getattr(result, "stderr", ""))
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1, said
    for word in words:
        assert word in said


def test_a_taken_port_is_said_at_once_and_nothing_is_made(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port), "--data", str(tmp_path / "data"), cwd=tmp_path)
    refused(result, f"Port {port} on 127.0.0.1 is taken", "--port")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--host", "no.such.host.invalid"), ("no.such.host.invalid", "--host")),
        (("--host", "192.0.2.1"), ("192.0.2.1", "--host")),
    ],
    ids=["unknown host", "not ours"],
)
def test_an_address_that_cannot_be_listened_on_is_said(
    tmp_path: Path, options: tuple[str, ...], words: tuple[str, ...]
):
    refused(run("serve", "--port", "0", *options, "--data", str(tmp_path / "data"), cwd=tmp_path), *words)


def test_a_data_path_that_cannot_be_used_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    refused(run("serve", "--port", "0", "--data", str(tmp_path / "file" / "data"), cwd=tmp_path), "file/data")


def test_a_data_path_that_is_too_long_is_said(tmp_path: Path):
    long = tmp_path.joinpath(*["a" * 200] * 6)
    refused(run("serve", "--port", "0", "--data", str(long), cwd=tmp_path), "long")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:hunter2@127.0.0.1:1/x", ("127.0.0.1:1",)),
        ("postgresql://u:hunter2@no.such.host.invalid/x", ("no.such.host.invalid",)),
        ("postgresql://u:hunter2@127.0.0.1:port/x", ("DATABASE_URL",)),
        ("mysql://u:hunter2@127.0.0.1/x", ("database_url", "postgresql://")),
    ],
    ids=["nobody answers", "unknown host", "no address", "another database"],
)
def test_a_wrong_database_url_is_said_without_its_password(tmp_path: Path, url: str, words: tuple[str, ...]):
    result = run("serve", "--port", "0", cwd=tmp_path, environment={"DATABASE_URL": url})
    refused(result, *words)
    assert "hunter2" not in result.stdout + result.stderr


def test_a_misspelt_setting_is_said(tmp_path: Path):
    refused(run("serve", cwd=tmp_path, environment={"HOLDFAST_PRT": "1"}), "HOLDFAST_PRT", "HOLDFAST_PORT")


@pytest.mark.parametrize(
    "arguments", [("serve", "--port", "many"), ("serve", "--prt", "1"), ("nothing",), ("superuser", "upsert")]
)
def test_wrong_use_is_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]):
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path, empty_database: str):
    environment = {"DATABASE_URL": empty_database}
    assert run("migrate", cwd=tmp_path, environment=environment).stdout.startswith("applied ")
    assert run("migrate", cwd=tmp_path, environment=environment).stdout == "up to date\n"
    add_migration(empty_database, "9999_from_the_future")
    refused(run("serve", "--port", "0", cwd=tmp_path, environment=environment), "9999_from_the_future", "newer")


def add_migration(dsn: str, name: str) -> None:
    import asyncio

    import asyncpg

    async def add() -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute("INSERT INTO holdfast.migration (name, app_name) VALUES ($1, 'holdfast')", name)
        await connection.close()

    asyncio.run(add())
