"""The client as people get it: installed from a running server by pip and by uv, used, checked, upgraded."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from served import Served, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TUTORIAL = (Path(__file__).parents[2] / "docs" / "tutorial" / "python-client.md").read_text("utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", TUTORIAL, re.M | re.S)
DECLARED = json.loads(re.findall(r"-d '(\{\n.*?\n  \]\})'", TUTORIAL, re.S)[0])
PROJECT = "holdfast-client-acme"
SITE = str(Path(httpx.__file__).parents[1])  # httpx and msgspec, so that nothing is asked of other indexes


def site(folder: Path) -> Path:
    """A fresh environment that finds httpx and msgspec in this one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "borrowed.pth").write_text(SITE)
    return folder


def by_pip(folder: Path, index: str, *more: str) -> str:
    command = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--no-deps", "--isolated"]
    return said([*command, "--disable-pip-version-check", "--no-cache-dir", "--index-url", index, *more, PROJECT])


def by_uv(folder: Path, index: str, *more: str) -> str:
    command = [Path(sys.executable).with_name("uv"), "pip", "install", "--no-deps", "--no-config"]
    return said([*command, "--python", folder / "bin" / "python", "--default-index", index, *more, PROJECT])


def said(command: list[Any], cwd: Path | None = None, *, fails: bool = False, **environment: str) -> str:
    """What a command says, which does or does not fail."""
    kept = {name: value for name, value in clean_environment().items() if not name.startswith(("UV_", "PIP_"))}
    kept["PYTHONPATH"] = ""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def root(served: Served) -> Iterator[httpx.Client]:
    """A superuser, and the collection of the tutorial."""
    with httpx.Client(base_url=served.url) as client:
        log_in(client, served)
        assert client.post("/api/collections", json=DECLARED).status_code == 200
        yield client


def log_in(client: httpx.Client, served: Served) -> None:
    login = {"identity": served.email, "password": served.password}
    answer = client.post("/api/collections/_superusers/auth-with-password", json=login)
    client.headers["Authorization"] = answer.json()["token"]


def index_of(url: str, key: str) -> str:
    return url.replace("http://", f"http://key:{key}@") + "/api/sdk/python/simple/"


@pytest.mark.parametrize("install", [by_pip, by_uv])
def test_the_tutorial_installs_runs_checks_and_upgrades(
    served: Served, root: httpx.Client, tmp_path: Path, install: Callable[..., str]
):
    listed = root.get("/api/collections/lamps").json()
    title = listed["fields"][1]
    root.patch("/api/collections/lamps", json={"fields": renamed(listed["fields"], title["id"], "title")})
    root.delete("/api/collections/lamps/truncate")
    folder = site(tmp_path / "venv")
    install(folder, f"{served.url}/api/sdk/python/simple/")
    program = tmp_path / "lamps.py"
    program.write_text(PROGRAMS[0].replace("http://127.0.0.1:8090", served.url))
    run: list[Any] = [folder / "bin" / "python", program]
    assert said([*run, "add", "Desk lamp", "39.50"]).rstrip().endswith("Desk lamp 39.50")
    assert said([*run, "sell", "desk"]) == "1 Desk lamp\n"
    assert said([*run, "list"]) == "Desk lamp 39.50 1\n"
    assert "title: This must not be empty." in said([*run, "add", "", "1"], fails=True)
    check: list[Any] = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        folder / "bin" / "python",
        program,
    ]
    said(check, tmp_path)
    api = tmp_path / "api.py"
    api.write_text(PROGRAMS[1])
    said([*run[:1], "-c", "import api"], tmp_path, PYTHONPATH=str(tmp_path))
    version = said([*run[:1], "-c", "import holdfast_client_acme as c; print(c.__version__)"])

    root.patch("/api/collections/lamps", json={"fields": renamed(listed["fields"], title["id"], "name")})
    warned = said([*run, "list"])
    assert "SchemaDrift" in warned
    install(folder, f"{served.url}/api/sdk/python/simple/", "--upgrade")
    newer = said([*run[:1], "-c", "import holdfast_client_acme as c; print(c.__version__, c.Lamp.name)"])
    assert [int(part) for part in newer.split()[0].split(".")] > [int(part) for part in version.strip().split(".")]
    refused = said(check, tmp_path, fails=True)
    assert len(re.findall(r'"title"', refused)) >= 4


def renamed(fields: list[dict[str, Any]], id: str, name: str) -> list[dict[str, Any]]:
    return [{**field, "name": name} if field["id"] == id else field for field in fields]


@pytest.mark.parametrize("install", [by_pip, by_uv])
def test_a_key_installs_and_a_wrong_one_does_not(
    served: Served, root: httpx.Client, tmp_path: Path, install: Callable[..., str]
):
    root.post("/api/roles", json={"name": "sdk", "permissions": []})
    name = f"ci {install.__name__}"
    key = root.post("/api/keys", json={"name": name, "roles": ["sdk"]}).json()["key"]
    folder = site(tmp_path / "venv")
    with pytest.raises(AssertionError, match="401"):
        install(folder, index_of(served.url, key[:-1] + "x"))
    install(folder, index_of(served.url, key))
    assert (next((folder / "lib").glob("python*/site-packages")) / "holdfast_client_acme" / "py.typed").exists()


def test_the_command_line_writes_the_package(served: Served, root: httpx.Client, tmp_path: Path):
    out = tmp_path / "src"
    command: list[Any] = [sys.executable, "-m", "holdfast", "sdk", "python", "--url", served.url, "--out", out]
    server = str(Path(__file__).parents[2] / "server")
    written = said(command, PYTHONPATH=server)
    assert written.startswith(str(out / "holdfast_client_acme"))
    said(command, PYTHONPATH=server)
    said([sys.executable, "-c", "from holdfast_client_acme import Lamp"], PYTHONPATH=str(out))
    assert [path.name for path in out.iterdir()] == ["holdfast_client_acme"]
    (out / "holdfast_client_acme" / "_made_by_holdfast").unlink()
    assert "was not written by this command" in said(command, fails=True, PYTHONPATH=server)
    nobody = [*command[:-4], "--url", "http://127.0.0.1:9", "--out", out]
    assert "cannot be asked" in said(nobody, fails=True, PYTHONPATH=server)
