"""A whole package as files: path to text."""

from pathlib import Path
from typing import Final

from holdfast_sdk.generator.clients import batches, client, events, init
from holdfast_sdk.generator.models import models
from holdfast_sdk.generator.plan import plan
from holdfast_sdk.schema import Schema, package_name

SOURCES: Final = Path(__file__).parents[1]
COPIED: Final = {"runtime": "_runtime", "webhooks": "webhooks"}


def package(schema: Schema) -> dict[str, str]:
    """The files of the client of this schema, by their paths. The same schema, the same text."""
    collections = plan(schema)
    files = {
        "__init__.py": init(schema, collections),
        "async_client.py": client(schema, collections, "Async"),
        "batches.py": batches(collections),
        "client.py": client(schema, collections, ""),
        "events.py": events(collections),
        **{f"models/{name}": text for name, text in models(collections).items()},
        "py.typed": "",
    }
    root = package_name(schema.name)
    for source, target in COPIED.items():
        for path in sorted((SOURCES / source).rglob("*.py")):
            text = path.read_text("utf-8").replace("holdfast_sdk.webhooks", f"{root}.webhooks")
            files[f"{target}/{path.relative_to(SOURCES / source).as_posix()}"] = text
    return {f"{root}/{name}": text for name, text in sorted(files.items())}
