"""A new server takes a backup in place of its first superuser, from whoever has the setup link."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from restoring import SECONDS, Library, library
from served import Server, new_home


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    made = new_home()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def archive(home: Path) -> bytes:
    """A backup of another server, which has a book with a cover."""
    with library(home / "old") as books:
        books.add("moved", b"a cover")
        with closing(books.client):
            return books.client.get(f"/backups/{books.back_up()}").content


class Newcomer:
    """A server that nobody has set up yet."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder, "--port", "0", first=True)
        self.url = self.server.started()
        link = str(self.server.wait_for("started", having="setup_link")["setup_link"])
        self.token = link.rpartition("token=")[2]

    def restore(self, body: bytes, *, token: str | None = None, name: str = "moving.zip") -> httpx.Response:
        """Hand in an archive."""
        headers = {"X-Setup-Token": self.token if token is None else token}
        files: Any = {"file": (name, body)}
        return httpx.post(f"{self.url}/api/setup/restore", headers=headers, files=files, timeout=60)

    def ended(self, job: dict[str, Any]) -> str:
        """How the restore ended: asked for while the server answers nobody, too."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                answer = httpx.get(f"{self.url}/api/backups/jobs/{job['id']}", params={"watch": job["watch"]})
                if answer.status_code == 200 and answer.json()["state"] != "running":
                    return str(answer.json()["state"])
            time.sleep(0.02)
        raise AssertionError(f"{job} does not end: {self.server.lines[-5:]}")

    def backups_seen_by(self, account: dict[str, str]) -> Any:
        """The archives, as a superuser who logs in for it sees them."""
        login = {"identity": account["email"], "password": account["password"]}
        path = f"{self.url}/api/collections/_superusers/auth-with-password"
        token = httpx.post(path, json=login, timeout=60).json()["token"]
        return httpx.get(f"{self.url}/api/backups", headers={"Authorization": token}).json()


@pytest.fixture
def newcomer(home: Path) -> Iterator[Newcomer]:
    folder = home / "new"
    made = Newcomer(folder)
    yield made
    made.server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_it_goes_on_with_the_records_the_files_and_the_accounts_of_the_backup(newcomer: Newcomer, archive: bytes):
    answer = newcomer.restore(archive)
    assert answer.status_code == 202, answer.text
    assert newcomer.ended(answer.json()) == "done"
    books = Library(newcomer.server)
    with closing(books.client):
        assert books.titles() == ["moved"]
        [book] = books.client.get("/collections/books/records").json()["items"]
        assert books.cover(book).content == b"a cover"
    assert newcomer.restore(archive).status_code == 404  # there is a superuser now


def test_what_cannot_be_brought_back_does_not_stay(newcomer: Newcomer, archive: bytes):
    damaged = bytearray(archive)
    damaged[200] ^= 0xFF
    for _ in range(2):
        answer = newcomer.restore(bytes(damaged))
        assert answer.status_code == 202, answer.text
        assert newcomer.ended(answer.json()) == "failed"
    answer = newcomer.restore(archive)
    assert newcomer.ended(answer.json()) == "done"


def test_who_sets_the_server_up_while_an_archive_comes_loses_nothing(newcomer: Newcomer, archive: bytes):
    mine = {"token": newcomer.token, "email": "first@example.com", "password": "a long enough one"}
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="moving.zip"\r\n\r\n'

    def body() -> Iterator[bytes]:
        yield head + archive[:1000]
        assert httpx.post(f"{newcomer.url}/api/setup", json=mine, timeout=60).status_code == 200
        yield archive[1000:] + b"\r\n--x--\r\n"

    headers = {"X-Setup-Token": newcomer.token, "Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(f"{newcomer.url}/api/setup/restore", content=body(), headers=headers, timeout=60)
    assert answer.status_code == 404, answer.text
    assert newcomer.backups_seen_by(mine) == []


def test_who_sets_the_server_up_while_an_archive_is_loaded_loses_nothing(newcomer: Newcomer, archive: bytes):
    mine = {"token": newcomer.token, "email": "first@example.com", "password": "a long enough one"}
    job = newcomer.restore(archive).json()
    # Long before the archive is loaded: that starts several programs.
    assert httpx.post(f"{newcomer.url}/api/setup", json=mine, timeout=60).status_code == 200
    assert newcomer.ended(job) == "failed"
    assert newcomer.backups_seen_by(mine) == []


def test_only_who_has_the_setup_link_may_and_only_with_a_backup(newcomer: Newcomer, archive: bytes):
    assert newcomer.restore(archive, token="").status_code == 403
    assert newcomer.restore(archive, token="wrong").status_code == 403
    for name, body in (("moving.zip", b"Dear all"), ("../moving.zip", archive)):
        answer = newcomer.restore(body, name=name)
        assert (answer.status_code, list(answer.json()["data"])) == (400, ["file"])
    assert httpx.get(f"{newcomer.url}/api/setup", params={"token": newcomer.token}).status_code == 200
