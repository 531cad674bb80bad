"""The client as people get it: installed from a running server by pip and by uv, used, checked, upgraded."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from served import Served, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial" / "python-client.md").read_text("utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", TUTORIAL, re.M | re.S)
DECLARED = json.loads(re.findall(r"-d '(\{\n.*?\n  \]\})'", TUTORIAL, re.S)[0])
PROJECT = "holdfast-client-acme"
SOURCES = clean_environment()["PYTHONPATH"]
ASK = """\"\"\"Asks the web API of the tutorial.\"\"\"

import asyncio

import api
import httpx


async def main() -> None:
    async with api.lifespan(api.app), httpx.AsyncClient(transport=httpx.ASGITransport(api.app)) as client:
        (lamp,) = (await client.get("http://shop/lamps")).json()
        assert lamp["title"] == "Desk lamp", lamp
        sold = await client.post(f"http://shop/lamps/{lamp['id']}/sell")
        assert sold.json() == lamp, sold.text
        assert (await client.post("http://shop/lamps/nothing/sell")).status_code == 404


asyncio.run(main())
"""
SITE = str(Path(httpx.__file__).parents[1])  # httpx and msgspec, so that nothing is asked of other indexes


class Shop:
    """The server of the tutorial, a fresh environment, and a folder for programs."""

    def __init__(self, url: str, root: httpx.Client, venv: Path, folder: Path) -> None:
        self.url = url
        self.root = root
        self.venv = venv
        self.folder = folder
        self.index = f"{url}/api/sdk/python/simple/"

    def by_pip(self, *more: str, index: str = "", fails: bool = False) -> str:
        command = [sys.executable, "-m", "pip", "--python", self.python, "install", "--no-deps", "--isolated"]
        more = ("--disable-pip-version-check", "--no-cache-dir", "--index-url", index or self.index, *more)
        return self.said([*command, *more], fails=fails)

    def by_uv(self, *more: str, index: str = "", fails: bool = False) -> str:
        command = [Path(sys.executable).with_name("uv"), "pip", "install", "--no-deps", "--no-config", "--no-cache"]
        return self.said(
            [*command, "--python", self.python, "--default-index", index or self.index, *more], fails=fails
        )

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def run(self, *words: str, fails: bool = False) -> str:
        return self.said([self.python, "lamps.py", *words], fails=fails)

    def check(self, *, fails: bool = False) -> str:
        mypy: list[Any] = [sys.executable, "-m", "mypy", "--python-executable", self.python, "lamps.py"]
        return self.said(mypy, fails=fails)

    def installed(self) -> str:
        """The version that is installed."""
        (found,) = self.venv.glob("lib/python*/site-packages/holdfast_client_acme-*.dist-info")
        return found.name.removesuffix(".dist-info").rpartition("-")[2]

    def rename(self, before: str, after: str) -> None:
        """Another name for a field of the lamps."""
        fields = self.root.get("/api/collections/lamps").json()["fields"]
        renamed = [{**field, "name": after} if field["name"] == before else field for field in fields]
        assert self.root.patch("/api/collections/lamps", json={"fields": renamed}).status_code == 200

    def said(self, command: list[Any], *, fails: bool = False, **environment: str) -> str:
        """What a command says, which does or does not fail."""
        kept = {name: value for name, value in clean_environment().items() if not name.startswith(("UV_", "PIP_"))}
        kept["PYTHONPATH"] = ""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env={**kept, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def shop(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One for all of these tests. Its environment finds httpx and msgspec in that of the tests."""
    folder = tmp_path_factory.mktemp("shop")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    next((folder / "venv" / "lib").glob("python*/site-packages")).joinpath("borrowed.pth").write_text(SITE)
    with httpx.Client(base_url=served.url, timeout=60) as root:
        login = {"identity": served.email, "password": served.password}
        answer = root.post("/api/collections/_superusers/auth-with-password", json=login)
        root.headers["Authorization"] = answer.json()["token"]
        assert root.post("/api/collections", json=DECLARED).status_code == 200
        (folder / "lamps.py").write_text(PROGRAMS[0].replace("http://127.0.0.1:8090", served.url))
        (folder / "api.py").write_text(PROGRAMS[1].replace("http://127.0.0.1:8090", served.url))
        (folder / "ask.py").write_text(ASK)
        # What httpx stands on is no matter here, and takes longest.
        (folder / "mypy.ini").write_text("[mypy]\nstrict = true\n[mypy-httpx.*]\nfollow_imports = skip\n")
        yield Shop(served.url, root, folder / "venv", folder)


def test_the_tutorial_installs_runs_checks_and_upgrades(shop: Shop):
    shop.by_uv(PROJECT)
    first = shop.installed()
    assert shop.run("add", "Desk lamp", "39.50").rstrip().endswith("Desk lamp 39.50")
    assert shop.run("sell", "desk") == "1 Desk lamp\n"
    assert shop.run("list") == "Desk lamp 39.50 1\n"
    assert "title: This must not be empty." in shop.run("add", "", "1", fails=True)
    shop.check()
    shop.said([shop.python, "ask.py"], PYTHONPATH=str(shop.folder))

    shop.rename("title", "name")
    assert "SchemaDrift" in shop.run("list")
    shop.by_uv("--upgrade", PROJECT)
    second = shop.installed()
    assert numbers(second) > numbers(first)
    refused = shop.check(fails=True)
    assert len(re.findall(r'"title"', refused)) >= 4

    shop.by_pip(f"{PROJECT}=={first}")
    assert shop.installed() == first
    shop.check()
    shop.by_pip("--upgrade", PROJECT)
    assert shop.installed() == second
    said = shop.said([shop.python, "-c", "from holdfast_client_acme import Lamp; print(Lamp.name)"])
    assert said == "name\n"
    shop.rename("name", "title")


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def test_what_a_lock_file_names_is_installed_long_after(shop: Shop):
    """uv knows the file by its hash, and the collections have changed three times since."""
    (shop.folder / "wanted.in").write_text(PROJECT)
    uv = [Path(sys.executable).with_name("uv"), "pip", "compile", "--no-deps", "--no-config", "--no-cache"]
    shop.said([*uv, "--generate-hashes", "--default-index", shop.index, "wanted.in", "-o", "wanted.txt"])
    locked = (shop.folder / "wanted.txt").read_text()
    version = re.findall(rf"^{PROJECT}==(\S+)", locked, re.M)[0]
    for name in ("one", "two", "title"):
        shop.rename({"one": "title", "two": "one", "title": "two"}[name], name)
        shop.by_uv("--upgrade", "--dry-run", PROJECT)
    shop.by_uv("--require-hashes", "-r", "wanted.txt")
    assert shop.installed() == version
    shop.by_pip("--require-hashes", "--force-reinstall", "-r", "wanted.txt")
    assert shop.installed() == version


@pytest.mark.parametrize(("name", "again"), [("by_pip", "--force-reinstall"), ("by_uv", "--reinstall")])
def test_a_key_installs_and_a_wrong_one_does_not(shop: Shop, name: str, again: str):
    shop.root.post("/api/roles", json={"name": "sdk", "permissions": []})
    key = shop.root.post("/api/keys", json={"name": name, "roles": ["sdk"]}).json()["key"]
    install = getattr(shop, name)
    other = key[:-1] + ("y" if key.endswith("x") else "x")
    wrong = install("--dry-run", again, PROJECT, index=with_key(shop.index, other), fails=True)
    assert "401" in wrong
    install("--dry-run", again, PROJECT, index=with_key(shop.index, key))


def with_key(index: str, key: str) -> str:
    return index.replace("http://", f"http://key:{key}@")


def test_the_command_line_writes_the_package(shop: Shop):
    out = shop.folder / "src"
    command: list[Any] = [sys.executable, "-m", "holdfast", "sdk", "python", "--url", shop.url, "--out", out]
    written = shop.said(command, PYTHONPATH=SOURCES)
    assert written.startswith(str(out / "holdfast_client_acme"))
    shop.said(command, PYTHONPATH=SOURCES)
    shop.said([sys.executable, "-c", "from holdfast_client_acme import Lamp"], PYTHONPATH=str(out))
    assert [path.name for path in out.iterdir()] == ["holdfast_client_acme"]
    (out / "holdfast_client_acme" / "_made_by_holdfast").unlink()
    assert "was not written by this command" in shop.said(command, fails=True, PYTHONPATH=SOURCES)
    nobody = [*command[:-4], "--url", "http://127.0.0.1:9", "--out", out]
    assert "cannot be asked" in shop.said(nobody, fails=True, PYTHONPATH=SOURCES)


def test_while_it_watches_the_package_follows_the_collections(shop: Shop):
    out = shop.folder / "watched"
    command = [sys.executable, "-m", "holdfast", "sdk", "python", "--url", shop.url, "--out", out, "--watch"]
    watching = subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    try:
        lamps = out / "holdfast_client_acme" / "models" / "lamps.py"
        for before, after in (("title", "label"), ("label", "title")):
            assert watching.stdout.readline().startswith(str(out))
            assert f"    {before}: str" in lamps.read_text()
            shop.rename(before, after)
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()
