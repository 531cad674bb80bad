"""A child is told to stop when its server is killed, with the kernel's help and without."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast import paths

SERVER = Path(paths.__file__).parents[1]
CHILD = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
print("runs", flush=True)
signal.sigwait({signal.SIGINT})
print("told", flush=True)
"""
# The pipe to the test is inherited by the child, which goes on writing to it.
PARENT = """
import subprocess, sys, time
from holdfast.db.embedded.life import Watchdog, die_with_parent
kernel = sys.argv[1] == "kernel"
child = subprocess.Popen(
    [sys.executable, "-c", sys.argv[2]], start_new_session=True, preexec_fn=die_with_parent() if kernel else None
)
watchdog = Watchdog(needed=not kernel)
watchdog.watch(child.pid)
time.sleep(60)
"""


@pytest.mark.parametrize("way", ["kernel", "watchdog"])
def test_a_child_gets_sigint_when_its_parent_is_killed(way: str):
    if way == "kernel" and not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells a child")
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, way, CHILD], env={"PYTHONPATH": str(SERVER)}, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"runs\n"
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert parent.stdout.read() == b"told\n"
