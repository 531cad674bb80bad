"""A directory is moved again: what PocketBase has changed comes, what was changed here stays."""

import json
from pathlib import Path

from pocketbase_directory import OPEN, PocketBase, auth_options, field, make_whole
from pocketbase_moving import counts, notes, running_here


async def test_again_brings_what_is_new_changed_and_gone_and_leaves_what_was_changed_here(
    database: str, tmp_path: Path
) -> None:
    source = tmp_path / "pb_data"
    make_whole(source, 40)
    async with running_here(database, tmp_path) as here:
        await here.move(source)
        root = here.api.root
        await root.patch("/api/collections/notes/records/note00000000001", json={"text": "changed here"})
        await root.patch("/api/collections/notes/records/note00000000002", json={"text": "changed here"})
        await root.delete("/api/collections/notes/records/note00000000003")
        mine = await here.api.create("notes", text="made here")
        await root.patch("/api/collections/posts", json={"deleteRule": "public = true"})

        again = await here.move(source)
        assert counts(again, "notes") == {"read": 8, "unchanged": 8}
        assert (again.files.copied, again.files.there, again.settings) == (0, 2, "unchanged")

        with PocketBase(source) as changed:
            changed.db.execute("UPDATE notes SET text = 'changed there' WHERE id = 'note00000000002'")
            changed.db.execute("DELETE FROM notes WHERE id = 'note00000000004'")
            changed.db.execute("DELETE FROM posts WHERE id = 'post00000000000'")
            changed.db.execute("UPDATE notes SET post = '' WHERE post = 'post00000000000'")
            # Two change their values of a unique field with each other.
            changed.db.execute("UPDATE posts SET title = 'x' WHERE id = 'post00000000001'")
            changed.db.execute("UPDATE posts SET title = 'Post 1' WHERE id = 'post00000000002'")
            changed.db.execute("UPDATE posts SET title = 'Post 2' WHERE id = 'post00000000001'")
            changed.collection("late", [field("text", "word")], **OPEN)
            changed.insert("late", [{"id": "late00000000001", "word": "yes"}])
        last = await here.move(source)
        assert counts(last, "late") == {"read": 1, "inserted": 1}
        found = counts(last, "notes")
        assert (found["read"], found["updated"], found["deleted"]) == (7, 1, 1)
        assert counts(last, "posts") == {"read": 23, "updated": 2, "unchanged": 21, "deleted": 1}
        texts = {one["id"]: one["text"] for one in (await root.get("/api/collections/notes/records")).json()["items"]}
        assert texts["note00000000001"] == "changed here"
        assert texts["note00000000002"] == "changed there"
        assert texts[mine["id"]] == "made here"
        assert not {"note00000000003", "note00000000004"} & texts.keys()
        assert (await root.get("/api/collections/posts")).json()["deleteRule"] == "public = true"
        assert (await root.get("/api/collections/posts/records/post00000000000")).status_code == 404

        with PocketBase(tmp_path / "other") as other:
            options = auth_options("another")
            other.db.execute("UPDATE _collections SET options = ? WHERE name = '_superusers'", [json.dumps(options)])
            other.collection("notes", [field("text", "text")], **OPEN)
        report = await here.move(tmp_path / "other")
        assert counts(report, "notes") == {}
        assert "nothing is deleted" in " ".join(notes(report).values())
