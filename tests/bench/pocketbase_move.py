"""How long a PocketBase directory with 100,000 records takes to move in, compared record by record.

Run it by itself: `python tests/bench/pocketbase_move.py [RECORDS]`. It starts a PostgreSQL of its own.
"""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "server")]

from client import EMAIL, PASSWORD  # noqa: E402
from holdfast.auth.superusers import upsert_superuser  # noqa: E402
from holdfast.config import Settings  # noqa: E402
from holdfast.db.embedded import Embedded  # noqa: E402
from holdfast.db.pool import Pool  # noqa: E402
from holdfast.db.session import session_settings  # noqa: E402
from holdfast.start import prepare_schema  # noqa: E402
from pocketbase_compare import compare  # noqa: E402
from pocketbase_directory import make_whole  # noqa: E402
from pocketbase_moving import running_here  # noqa: E402

RECORDS = 100_000
MOST_SECONDS = 60


async def measure(dsn: str, folder: Path, records: int) -> bool:
    """Move and compare; whether it was fast enough."""
    settings = Settings(data=folder / "data", background=False)
    await prepare_schema(settings, dsn)
    pool = Pool(dsn, size=2, settings=session_settings(settings))
    await upsert_superuser(pool, EMAIL, PASSWORD)
    await pool.close()
    source = folder / "pb_data"
    began = time.perf_counter()
    make_whole(source, records)
    print(f"made {records} records in {time.perf_counter() - began:.1f} s")
    async with running_here(dsn, folder) as here:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        report = await here.move(source)
        took = time.perf_counter() - began
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        moved = sum(one.inserted for one in report.collections)
        print(f"moved {moved} records and {report.files.copied} files in {took:.1f} s, {grown:.0f} MiB more memory")
        began = time.perf_counter()
        again = await here.move(source)
        print(f"moved again, with nothing new, in {time.perf_counter() - began:.1f} s")
        assert sum(one.inserted + one.updated + one.deleted for one in again.collections) == 0
        compared = await compare(here.api.root, source, here.storage)
        print(f"compared {compared[0]} records and {compared[1]} files: all are as they were")
    return took <= MOST_SECONDS


def main(records: int) -> int:
    """All of it; 1 if it was too slow."""
    with tempfile.TemporaryDirectory(prefix="hf-move-") as folder:
        embedded = Embedded(Path(folder) / "pg")
        running = embedded.start()
        try:
            return 0 if asyncio.run(measure(running.dsn, Path(folder), records)) else 1
        finally:
            embedded.stop()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS))
