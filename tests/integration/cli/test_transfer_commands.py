"""`holdfast import` and `holdfast export`, as an operator runs them."""

import json
from pathlib import Path

from client import running
from served import run


async def test_what_is_exported_on_one_machine_is_imported_on_another(database: str, tmp_path: Path) -> None:
    async with running(database, tmp_path / "data") as api:
        await api.define("posts", [{"name": "title", "type": "text", "unique": True}, {"name": "n", "type": "number"}])
    environment = {"DATABASE_URL": database, "HOLDFAST_DATA": str(tmp_path / "data")}
    (tmp_path / "posts.csv").write_text("title,n\na,1\nb,x\na,2\n")
    told = run("import", "posts.csv", "--collection", "posts", "--json", cwd=tmp_path, environment=environment)
    assert (told.returncode, json.loads(told.stdout)["inserted"]) == (1, 0)
    line = ("import", "posts.csv", "--collection", "posts", "--on-error", "skip")
    told = run(*line, cwd=tmp_path, environment=environment)
    assert (told.returncode, told.stdout) == (1, "3 read, 1 inserted, 0 updated, 0 skipped, 2 failed\n")
    assert told.stderr.splitlines() == [
        "Line 3, column n: Must be a number.",
        "Line 4, column title: Value must be unique: another record has it.",
    ]
    out = run("export", "posts", "--fields", "title,n", "--out", "out.ndjson", cwd=tmp_path, environment=environment)
    assert out.returncode == 0, out.stderr
    assert (tmp_path / "out.ndjson").read_text() == '{"title":"a","n":1}\n'
    refused = run("import", "posts.csv", "--collection", "nothing", cwd=tmp_path, environment=environment)
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
