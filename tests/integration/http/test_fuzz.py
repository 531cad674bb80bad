"""Requests made up from the description of the API: none of them is a fault of the server."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from served import Served

SEED = 20261120
EXAMPLES = 12  # for each operation
FIELDS = [
    {"name": "title", "type": "text"},
    {"name": "n", "type": "number"},
    {"name": "i", "type": "number", "onlyInt": True},
    {"name": "d", "type": "date"},
    {"name": "j", "type": "json"},
    {"name": "s", "type": "select", "values": ["a", "b"], "maxSelect": 2},
    {"name": "dec", "type": "decimal", "precision": 10, "scale": 2},
    {"name": "p", "type": "geoPoint"},
    {"name": "e", "type": "email"},
    {"name": "u", "type": "url"},
    {"name": "b", "type": "bool"},
]
OPEN = dict.fromkeys(("listRule", "viewRule", "createRule", "updateRule", "deleteRule"), "")
# Nothing that changes collections: other tests use the same server.
PATHS = r"fuzzed|/api/batch|/api/health|/api/ready|/api/setup|plan$|trash$|scaffolds"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_request_is_a_fault(served: Served, tmp_path: Path) -> None:
    with httpx.Client(base_url=served.url) as client:
        credentials = {"identity": served.email, "password": served.password}
        login = client.post("/api/collections/_superusers/auth-with-password", json=credentials)
        token = login.json()["token"]
        body = {"name": "fuzzed", "fields": FIELDS, "searchable": ["title"], **OPEN}
        made = client.post("/api/collections", json=body, headers={"Authorization": token})
        assert made.status_code == 200, made.text
    arguments = ["--checks", "not_a_server_error", "--max-examples", str(EXAMPLES), "--seed", str(SEED)]
    found = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{served.url}/api/openapi.json"),
            *("--header", f"Authorization: {token}", "--include-path-regex", PATHS),
            *("--phases", "examples,coverage,fuzzing", *arguments),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-6000:]
    assert " passed" in found.stdout
