"""The README's tour, run as it is written: each block of shell, and each answer that it shows."""

import json
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from served import Server, clean_environment

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def steps() -> tuple[list[str], list[object]]:
    """The shell of the tour in order, and the answers that it shows."""
    found = FENCE.findall(README)
    return [text for kind, text in found if kind == "sh"], [json.loads(text) for kind, text in found if kind == "json"]


@pytest.mark.slow
def test_the_tour_runs_as_written(anywhere: Path):
    shell, answers = steps()
    assert shell.pop(0) == "./dev serve\n"
    port = free_port()
    environment = clean_environment() | {"HOLDFAST_DATA": str(anywhere / "data")}
    server = Server(anywhere / "data", "--port", str(port), first=True)
    server.started()
    # In the tests' own environment, on a port that is free: nothing else differs from what a reader types.
    script = "".join(shell).replace("./dev ", f"{shlex.quote(sys.executable)} -m holdfast ").replace("8090", str(port))
    done = subprocess.run(
        ["bash", "-euc", script], cwd=anywhere, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "made the superuser you@example.com" in done.stdout
    written = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"items"')]
    assert written == answers
    assert server.stop() == 0
