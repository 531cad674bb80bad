"""The kept log as if it were a collection: so filters and sorts are those of records."""

from typing import Final

from holdfast.db.sql import raw
from holdfast.records.list import BASE
from holdfast.schema.autodate import AutodateField
from holdfast.schema.collection import Collection
from holdfast.schema.json import JsonField
from holdfast.schema.number import NumberField
from holdfast.schema.system_fields import field_id, id_field
from holdfast.schema.text import TextField

LOGS: Final = Collection(
    id="holdfast_logs",
    name="logs",
    system=True,
    fields=(
        id_field(),
        AutodateField(id=field_id("autodate", "created"), name="created", on_create=True),
        NumberField(id=field_id("number", "level"), name="level", only_int=True),
        TextField(id=field_id("text", "message"), name="message"),
        TextField(id=field_id("text", "request"), name="request"),
        JsonField(id=field_id("json", "data"), name="data"),
    ),
)
SOURCE: Final = raw("holdfast.logs AS ") + BASE
"""What follows FROM."""
