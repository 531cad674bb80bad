"""A server that does nothing but run the embedded PostgreSQL: `python embedded_server.py DATA SYSTEM [KEY=VALUE...]`.

Prints one line of JSON when PostgreSQL answers, then its reports. Ends on SIGTERM.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

from holdfast.db.cannot_start import CannotStart
from holdfast.db.embedded import Embedded


async def watch(embedded: Embedded) -> None:
    """Supervise until SIGTERM."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    watching = asyncio.create_task(embedded.supervise())
    await told.wait()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


def main(data: str, system: str, *settings: str) -> int:
    """Start, watch, stop."""
    extra = dict(setting.split("=", 1) for setting in settings)
    embedded = Embedded(Path(data), settings=extra, report=lambda said: print(said, flush=True), system=Path(system))
    try:
        running = embedded.start()
    except CannotStart as failure:
        print(json.dumps({"error": str(failure)}), flush=True)
        return 1
    answer = {"dsn": running.dsn, "attached": running.attached, "messages": running.messages}
    print(json.dumps(answer), flush=True)
    asyncio.run(watch(embedded))
    embedded.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
