"""What a server process loads, and what it does not."""

import os
import subprocess
import sys
from pathlib import Path

from holdfast import paths

SERVER = Path(paths.__file__).parents[1]
HEAVY = ("pydantic", "attrs", "rich", "piccolo", "sqlglot", "aiohttp", "webauthn", "pgqueuer", "fastapi", "hypercorn")


def test_a_server_process_loads_nothing_that_is_large_and_seldom_needed():
    program = (
        "import sys; from holdfast.cli.loading import load_application; load_application();"
        "from holdfast.app import create_app; from holdfast.config import Settings; create_app(Settings(), '');"
        "from holdfast import health; from holdfast.openapi.operations import control_part;"
        "control_part(health.HANDLERS);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    path = os.pathsep.join([str(SERVER), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
