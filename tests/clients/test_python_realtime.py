"""Realtime by PocketBase's Python client, in a process of its own: it reads in a thread that nobody can end."""

import subprocess
import sys

import pytest

from served import Served

SCRIPT = """
import os, queue, sys
from pocketbase import PocketBase

url, email, password = sys.argv[1:]
pb = PocketBase(url)
pb.collection("_superusers").auth_with_password(email, password)
pb.collections.create({"name": "py_live", "type": "base", "fields": [{"name": "title", "type": "text"}]})
told = queue.Queue()

def heard():
    # Its thread reads before it listens: a PB_CONNECT that is quicker than that is lost, and it has no client_id.
    for _ in range(10):
        pb.collection("py_live").subscribe(told.put)
        for number in range(30):  # it says nowhere when its subscription holds
            made = pb.collection("py_live").create({"title": "first"})
            try:
                return made, told.get(timeout=0.3)
            except queue.Empty:
                if number > 3 and not pb.realtime.client_id:
                    break
        else:
            sys.exit("it has subscribed and heard nothing")
        pb.collection("py_live").unsubscribe()
    sys.exit("it never heard PB_CONNECT")

made, message = heard()
assert (message.action, message.record.title) == ("create", "first"), message
pb.collection("py_live").delete(made.id)
while (message := told.get(timeout=10)).action != "delete":
    pass
assert message.record.id == made.id
sys.stdout.write("done")
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.slow
def test_the_python_client_hears_of_changes(served: Served) -> None:
    command = [sys.executable, "-c", SCRIPT, served.url, served.email, served.password]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "done", done.stderr
