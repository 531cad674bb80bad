"""`holdfast schema`: the collections as a file."""

import json
from pathlib import Path

from served import run


def test_the_collections_are_written_planned_and_changed_by_a_file(anywhere: Path):
    data = ["--data", str(anywhere / "data")]
    file = anywhere / "schema.json"
    fields = [{"name": "title", "type": "text"}, {"name": "n", "type": "number"}]
    file.write_text(json.dumps([{"name": "things", "type": "base", "fields": fields}]))
    pushed = run("schema", "push", str(file), *data, cwd=anywhere)
    assert (pushed.returncode, pushed.stdout) == (0, f"1 collections are as {file} has them\n"), pushed.stderr
    assert run("schema", "pull", str(file), *data, cwd=anywhere).returncode == 0
    pulled = json.loads(file.read_text())
    assert [one["name"] for one in pulled] == ["users", "things"]
    things = pulled[1]
    things["fields"] = [field for field in things["fields"] if field["name"] != "title"]
    things["fields"].append({"name": "kind", "type": "select", "values": ["a"], "required": True})
    file.write_text(json.dumps({"collections": [things]}))
    planned = run("schema", "plan", str(file), "--delete-missing", "--json", *data, cwd=anywhere)
    found = json.loads(planned.stdout)
    assert [(one["collection"], one["field"]) for one in found["breaks"] if one["collection"] == "things"] == [
        ("things", "title"),
        ("things", "kind"),
    ]
    assert {"drop_field", "add_field"} <= {step["action"] for step in found["steps"]}
    text = run("schema", "plan", str(file), *data, cwd=anywhere).stdout
    assert "things.kind: a create has to name this new field" in text
    assert "title" not in text.partition("Programs")[2]  # without --delete-missing it stays
    other = run("schema", "push", str(file), "--plan", found["hash"], *data, cwd=anywhere)
    assert (other.returncode, "plan" in other.stderr) == (1, True)
    locked = {"HOLDFAST_SCHEMA_LOCK": "true"}
    file.write_text(json.dumps({"collections": [things], "deleteMissing": "fields"}))
    held = run("schema", "push", str(file), *data, cwd=anywhere, environment=locked)
    assert held.returncode == 1
    assert "locked by the environment variable HOLDFAST_SCHEMA_LOCK: nothing is changed. --unlock" in held.stderr
    meant = run("schema", "push", str(file), "--unlock", *data, cwd=anywhere, environment=locked)
    assert meant.returncode == 0, meant.stderr
    again = run("schema", "plan", str(file), *data, cwd=anywhere, environment=locked).stdout
    assert "nothing to change" in again and "to push it takes --unlock" in again
    file.write_text('[{"name": "no good", "type": "base", "fields": [{"name": "x", "type": "nothing"}]}]')
    refused = run("schema", "plan", str(file), *data, cwd=anywhere)
    assert refused.returncode == 1
    assert "collections.0.name:" in refused.stderr and "collections.0.fields.0.type:" in refused.stderr
    for content, why in (("{", "is no JSON"), ("{}", "a list of collections"), (None, "cannot be read")):
        file.write_text(content) if content is not None else file.unlink()
        failed = run("schema", "plan", str(file), *data, cwd=anywhere)
        assert (failed.returncode, why in failed.stderr) == (1, True)
