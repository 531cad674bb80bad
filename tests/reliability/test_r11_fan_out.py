"""R11: a thousand clients hear of each change in time."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from reliability.figures import Figures
from served import clean_environment

PROGRAM = Path(__file__).parents[1] / "bench" / "fanout.py"
RATE = 50


@pytest.mark.reliability("R11", "A thousand clients listen")
async def test_r11_fan_out(figures: Figures) -> None:
    """A thousand people, each with a login of their own, listen by server-sent events, and fifty records a second are
    made over HTTP. A rule shows each of them to half of the people. From the moment when a record was sent to the
    server until it is told, 99 of 100 messages may take one second; none may be missing, and no line may break. The
    server and its PostgreSQL may use 1.6 cores; clients and writer share the machine.
    """
    clients = figures.size("clients", gate=200, full=1_000)
    seconds = figures.size("seconds", gate=10, full=300)
    figures.size("changes/s", gate=RATE, full=RATE)
    sizes = ("--clients", str(clients), "--rate", str(RATE), "--seconds", str(seconds))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), *sizes, env=clean_environment(), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    found = json.loads(output)
    figures.at_most("p99 from sending to client", found["p99_ms"], 1_000, "ms")
    figures.exactly("missing", found["missed"], 0)
    figures.exactly("lines lost", found["lost_lines"], 0)
    figures.at_most("cores", found["cores_python"] + found["cores_postgres"], 1.6)
    figures.no_control("these are figures, and what is missing would be counted as in R9")
