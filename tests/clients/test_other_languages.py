"""The page about clients in other languages, run as it is written: PocketBase's client, and what generators make."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from node import FOLDER, node
from served import Served

__all__ = ["node"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "other-languages.md").read_text("utf-8")
DECLARED = json.loads(re.findall(r"-d '(\{.*?\n\]\})'", PAGE, re.S)[0])
WRONG_TYPESCRIPT = """import createClient from "openapi-fetch";
import type { paths } from "./api.js";
const holdfast = createClient<paths>({ baseUrl: "" });
const records = "/api/collections/plants/records";
await holdfast.POST(records, { body: { name: "x", state: "wet" } });
await holdfast.POST(records, { body: { state: "dry" } });
await holdfast.POST(records, { body: { name: 5 } });
await holdfast.GET("/api/collections/plant/records");
await holdfast.GET(records, { params: { query: { sorted: "name" } } });
(await holdfast.GET(records)).data?.items[0]?.nmae;
(await holdfast.GET(records)).data?.items[0]?.expand?.owner?.title;
(await holdfast.GET(records)).data?.items[0]?.name.length.toFixed();
"""
MYPY = """[mypy]
strict = true
python_version = 3.11
follow_imports = silent

[mypy-httpx.*]
follow_imports = skip
"""  # what httpx stands on is no matter here, and takes longest
WRONG_PYTHON = """from garden.models import CreatePlants, CreatePlantsState, RecordPlants
CreatePlants(name=5)
CreatePlants(state=CreatePlantsState.DRY)
CreatePlants(name="x", state="wet")
CreatePlantsState.WET
def shown(plant: RecordPlants) -> str:
    plant.nmae
    return plant.leaves
"""


def example(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    return found


def run(command: list[Any], folder: Path, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    return done.returncode, done.stdout + done.stderr


def said(command: list[Any], folder: Path, **environment: str) -> str:
    code, output = run(command, folder, **environment)
    assert code == 0, output
    return output


@pytest.fixture
def garden(served: Served, tmp_path: Path) -> Path:
    """A folder for a program, beside a server where Ann has no plants."""
    with httpx.Client(base_url=served.url, timeout=60) as root:
        login = {"identity": served.email, "password": served.password}
        answer = root.post("/api/collections/_superusers/auth-with-password", json=login)
        root.headers["Authorization"] = answer.json()["token"]
        for name in ("plants", "gardeners"):
            root.delete(f"/api/collections/{name}")
        assert root.put("/api/collections/import", json=DECLARED).status_code == 204
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    return tmp_path


def register(served: Served) -> None:
    ann = {"email": "ann@example.com", "password": "correct-horse-battery", "name": "Ann"}
    answer = httpx.post(
        f"{served.url}/api/collections/gardeners/records", json={**ann, "passwordConfirm": ann["password"]}
    )
    assert answer.status_code == 200, answer.text


def at(served: Served, program: str) -> str:
    assert "http://127.0.0.1:8090" in program
    return program.replace("http://127.0.0.1:8090", served.url)


def test_the_official_client_does_what_it_does_not_know_of(node: str, served: Served, garden: Path):
    (garden / "garden.mjs").write_text(at(served, example("javascript")))
    assert said([node, "garden.mjs"], garden) == "Fern fresh 3 Ann\n3\n"


def test_openapi_typescript_makes_a_client_that_works_and_refuses_what_is_wrong(
    node: str, served: Served, garden: Path
):
    register(served)
    binaries = FOLDER / "node_modules" / ".bin"
    (garden / "api.json").write_bytes(httpx.get(f"{served.url}/api/openapi.json").content)
    said([node, binaries / "openapi-typescript", "api.json", "-o", "api.d.ts"], garden)
    (garden / "package.json").write_text('{"type": "module"}')
    (garden / "garden.ts").write_text(at(served, example("typescript")))
    (garden / "wrong.ts").write_text(WRONG_TYPESCRIPT)
    options = "--strict --noUncheckedIndexedAccess --target es2022 --module nodenext --lib es2022,dom,dom.iterable"
    _, output = run([node, binaries / "tsc", *options.split(), "garden.ts", "wrong.ts"], garden)
    refused = {(match[1], int(match[2])) for match in re.finditer(r"^(\w+)\.ts\((\d+),", output, re.M)}
    assert refused == {("wrong", line) for line in range(5, 12)}, output
    assert said([node, "garden.js"], garden) == "Moss dry Ann\ntrue\n"


def test_openapi_python_client_makes_a_client_that_works_and_refuses_what_is_wrong(served: Served, garden: Path):
    register(served)
    python = Path(sys.executable)
    (garden / "api.json").write_bytes(httpx.get(f"{served.url}/api/openapi.json").content)
    (garden / "config.yml").write_text("post_hooks: []\n")  # nobody reads it: no formatter has to
    command = [python.with_name("openapi-python-client"), "generate", "--path", "api.json", "--meta", "none"]
    output = said([*command, "--config", "config.yml", "--output-path", "garden", "--fail-on-warning"], garden)
    assert "WARNING" not in output.upper(), output
    (garden / "program.py").write_text(at(served, example("python")))
    (garden / "wrong.py").write_text(WRONG_PYTHON)
    (garden / "mypy.ini").write_text(MYPY)
    check = [python, "-m", "mypy", "program.py", "wrong.py"]
    _, output = run(check, garden)
    refused = {(match[1], int(match[2])) for match in re.finditer(r"^([\w/]+)\.py:(\d+): error", output, re.M)}
    assert refused == {("wrong", line) for line in (2, 3, 4, 5, 7, 8)}, output
    assert said([python, "program.py"], garden) == "Ivy dry True\n"
