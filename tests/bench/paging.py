"""Whether a page deep in a walk by cursor costs more than the first one."""

import statistics
from typing import Final
from urllib.parse import urlencode

import httpx

from tests.bench.operations import POSTS
from tests.bench.rounds import Plan, send
from tests.bench.subject import Subject

DEEP: Final = 4000  # pages of 20: 80,000 records deep
QUERY: Final = {"perPage": "20", "sort": "-created"}


def target(cursor: str) -> str:
    """The request for the page after the cursor."""
    return f"{POSTS}?{urlencode(QUERY | {'cursor': cursor})}"


def walk(it: Subject, pages: int) -> str:
    """The cursor of the page with this number, found by walking there."""
    cursor = ""
    with httpx.Client(base_url=it.url) as client:
        for _ in range(pages - 1):
            answer = client.get(target(cursor)).raise_for_status().json()
            if not answer["nextCursor"]:
                raise SystemExit("the walk ended too early: load more posts")
            cursor = answer["nextCursor"]
    return cursor


def measure(it: Subject, plan: Plan) -> tuple[float, float, float]:
    """Requests per second of the first page, of the second and of page DEEP, as medians of interleaved rounds."""
    cursors = ["", walk(it, 2), walk(it, min(DEEP, plan.posts // 20 - 1))]
    found: list[list[float]] = [[], [], []]
    for _ in range(plan.rounds):
        for at, cursor in enumerate(cursors):
            request = f"GET {target(cursor)} HTTP/1.1\r\nHost: {it.host}:{it.port}\r\n\r\n".encode()
            found[at].append(send(it.host, it.port, [request], plan).per_second)
    first, second, deep = (statistics.median(one) for one in found)
    return first, second, deep
