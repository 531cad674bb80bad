"""Every fenced example in the pages is at least well-formed; the README's tour is run as written in test_tour.py."""

import ast
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def blocks(*languages: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in PAGES:
        for match in FENCE.finditer(path.read_text("utf-8")):
            if match[1] in languages:
                line = path.read_text("utf-8")[: match.start()].count("\n") + 1
                found.append((f"{path.relative_to(ROOT)}:{line}", match[2]))
    return found


def named(cases: list[tuple[str, str]]) -> list[object]:
    return [pytest.param(text, id=place) for place, text in cases]


@pytest.mark.parametrize("text", named(blocks("json")))
def test_a_json_example_is_json(text: str):
    json.loads(text)


@pytest.mark.parametrize("text", named(blocks("toml")))
def test_a_toml_example_is_toml(text: str):
    tomllib.loads(text)


@pytest.mark.parametrize("text", named(blocks("python")))
def test_a_python_example_is_python(text: str):
    ast.parse(text)


@pytest.mark.parametrize("text", named(blocks("sh", "bash")))
def test_a_shell_example_is_shell(text: str):
    checked = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in PAGES])
def test_a_link_to_another_page_finds_it(path: Path):
    links = [link for link in LINK.findall(path.read_text("utf-8")) if not (path.parent / link).exists()]
    assert links == []


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    pages = {path.resolve() for path in (ROOT / "docs").rglob("*.md")} - {index.resolve()}
    assert sorted(str(path.relative_to(ROOT)) for path in pages - linked) == []


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in PAGES])
def test_a_fence_says_its_language(path: Path):
    fences = re.findall(r"^```(.*)$", path.read_text("utf-8"), re.M)
    assert [number for number, fence in enumerate(fences[::2]) if not fence] == []


def test_the_compose_file_has_the_server_its_database_and_redis():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    services = compose["services"]
    assert set(services) == {"holdfast", "postgres", "redis"}
    assert set(services["holdfast"]["depends_on"]) == {"postgres", "redis"}
    for service in services.values():
        assert {"build", "image"} & set(service)
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in compose["volumes"]


def test_the_compose_file_sets_only_what_is_a_setting():
    from holdfast.config import catalogue

    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    known = {setting.environment for setting in catalogue()}
    assert set(compose["services"]["holdfast"]["environment"]) <= known


def test_the_image_runs_as_an_ordinary_user_and_says_how_it_is_doing():
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    last_stage = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert any(line.startswith("USER ") and "root" not in line for line in last_stage)
    assert any(line.startswith("HEALTHCHECK ") for line in last_stage)


def test_the_changelog_begins_with_the_version_of_the_package():
    from holdfast import __version__

    top = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert top is not None
    assert top[1] == __version__


def test_the_client_package_has_the_version_of_the_server():
    import holdfast_sdk
    from holdfast import __version__

    assert holdfast_sdk.__version__ == __version__
