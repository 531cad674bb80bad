"""Small pictures that lie beside their files and that the register does not have: PocketBase made them, or a server
whose database was put back to an older day."""

import msgspec

from holdfast.db.pool import Connection
from holdfast.engine import Engine
from holdfast.files.thumb import FORMATS, PICTURES, Thumb, read_thumb
from holdfast.storage.disk import Missing
from holdfast.storage.media_type import media_type_of
from holdfast.storage.spool import HEAD_BYTES


class Stray(msgspec.Struct, frozen=True):
    """A small picture, and the file that it shows. `size` is in bytes."""

    key: str
    size: int
    collection_id: str
    record_id: str
    name: str
    thumb: Thumb


def find_stray(key: str, size: int, collection_id: str, record_id: str, name: str) -> Stray | None:
    """What an object shows that lies where small pictures of a file do; None if it is not called as they are."""
    asked, _, ending = key.rpartition("/")[2].partition(f"_{name}")
    format = ending.removeprefix(".")
    if format and format not in FORMATS:
        return None
    thumb = read_thumb(asked, format)
    if thumb is None or thumb.key(collection_id, record_id, name) != key:
        return None
    return Stray(key, size, collection_id, record_id, name, thumb)


async def take_in(engine: Engine, connection: Connection, stray: Stray) -> bool:
    """Write a small picture into the register, so that it is shown, and goes with its file; False if it is none."""
    try:
        head = b"".join([piece async for piece in engine.storage.read(stray.key, 0, min(stray.size, HEAD_BYTES))])
    except Missing:
        return True  # its file was just deleted, and it with it
    media_type = media_type_of(head)
    if media_type not in PICTURES:
        return False
    await connection.execute(
        "INSERT INTO holdfast.thumbs (collection_id, record_id, name, variant, key, size, media_type)"
        " SELECT collection_id, record_id, name, $4, $5, $6, $7 FROM holdfast.files"
        " WHERE (collection_id, record_id, name) = ($1, $2, $3) FOR KEY SHARE ON CONFLICT DO NOTHING",
        *(stray.collection_id, stray.record_id, stray.name, stray.thumb.variant, stray.key, stray.size, media_type),
    )
    return True
