"""A file is read into the staging table, as fast as it comes and never more than a few megabytes of it at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from holdfast.db.pool import Connection
from holdfast.db.sql import inline, raw
from holdfast.errors import ValidationFailed
from holdfast.passwords import hash_password
from holdfast.transfer import store
from holdfast.transfer.columns import FileColumn, read_header
from holdfast.transfer.copy_text import NULL, escape, unescape
from holdfast.transfer.csv_reading import CsvRecords
from holdfast.transfer.encoding import Encoded, Encoder, missing
from holdfast.transfer.job import ImportJob, refuse_passwords
from holdfast.transfer.json_reading import JsonList
from holdfast.transfer.layout import SCHEMA, Layout, add_column, table, table_name
from holdfast.transfer.ndjson_reading import JsonRecords
from holdfast.transfer.report import Findings
from holdfast.transfer.store import Progress
from holdfast.transfer.unreadable import UnreadableFile
from holdfast.transfer.utf8 import Utf8

PIECE_BYTES: Final = 32 << 10  # of the file that are read in one go: others have their turn after some milliseconds
BATCH_BYTES: Final = 1 << 20  # that one COPY takes
LATEST_SECONDS: Final = 2.0  # after which what is there is written, however little: so that progress is seen
HASHED_AT_ONCE: Final = 2  # passwords: those who log in meanwhile want their turn


class Loaded(msgspec.Struct, frozen=True):
    """What was read: the layout of the staging table, and the last line of the file."""

    layout: Layout
    last_line: int


class Loader:
    """Reads one file. `findings` gathers what is wrong, `progress` counts."""

    def __init__(self, connection: Connection, job: ImportJob, findings: Findings, progress: Progress) -> None:
        self._connection = connection
        self._job = job
        self._findings = findings
        self._progress = progress
        self._layout = Layout(job.into, job.asked, hooked=job.hooked)
        self._encoder = Encoder(self._layout, findings)
        self._begun = False
        self._columns = 0  # that the table has
        self._places: tuple[int | None, ...] = ()
        self._waiting: list[str] = []
        self._size = 0
        self._width = 0
        self._copying: asyncio.Task[None] | None = None
        self._copied_at = 0.0
        self._last_line = 0

    async def run(self, source: AsyncIterator[bytes]) -> Loaded:
        """Read all of it, or up to the first line that stops the import.

        Raises UnreadableFile and ValidationFailed for a file that cannot be imported at all.
        """
        self._copied_at = asyncio.get_running_loop().time()
        try:
            await self._read(source)
            if not self._begun and self._layout.is_csv:
                raise UnreadableFile(1, "The file is empty: its first line has to name the columns.")
            if not self._begun:
                await self._begin_json()
            await self._flush()
            await self._finish()
        finally:
            if self._copying is not None:
                self._copying.cancel()
                await asyncio.gather(self._copying, return_exceptions=True)
        return Loaded(self._layout, self._last_line)

    async def _read(self, source: AsyncIterator[bytes]) -> None:
        decoder = Utf8()
        asked = self._job.asked
        csv = CsvRecords(asked.delimiter) if asked.format == "csv" else None
        json = JsonList() if asked.format == "json" else JsonRecords() if csv is None else None
        async for piece in _pieces(source):
            self._progress.bytes += len(piece or b"")
            text = decoder.feed(piece or b"", last=piece is None)
            if csv is not None:
                await self._take_csv(csv, text, last=piece is None)
            elif json is not None:
                await self._take_json(json, text, last=piece is None)
            if self._stops:
                return

    @property
    def _stops(self) -> bool:
        return self._job.asked.on_error == "stop" and self._findings.failed > 0

    async def _take_csv(self, reader: CsvRecords, text: str, *, last: bool) -> None:
        records = reader.feed(text, last=last)
        if records and not self._begun:
            await self._begin_csv(records[0][1])
            records = records[1:]
        if records:
            self._progress.read += len(records)
            self._last_line = records[-1][0]
            await self._put(self._encoder.csv(records, self._places))

    async def _begin_csv(self, header: Sequence[str]) -> None:
        layout = self._layout
        found = read_header(self._job.into, header)
        refuse_passwords(self._job, [column.label for column in found if column is not None])
        layout.take([column for column in found if column is not None])
        self._places = tuple(None if column is None else layout.add(column) for column in found)
        lacking = missing(layout, self._job.asked)
        if lacking:
            raise ValidationFailed(lacking, "The file lacks columns without which no record can be made: see data.")
        self._require_key([column for column in found if column is not None])
        await self._begin()

    def _require_key(self, columns: Sequence[FileColumn]) -> None:
        key = self._job.asked.key
        if self._job.asked.mode == "update" and not any(column.label == key for column in columns):
            message = f"The file has no column {key}, by which the records to update are found."
            raise ValidationFailed({}, message)

    async def _take_json(self, reader: JsonRecords | JsonList, text: str, *, last: bool) -> None:
        records = reader.feed(text, last=last)
        if not records:
            return
        if not self._begun:
            await self._begin_json()
        self._progress.read += len(records)
        self._last_line = records[-1][0]
        encoded = self._encoder.json(records)
        refuse_passwords(self._job, [column.label for column in self._layout.columns])
        await self._put(encoded)

    async def _begin_json(self) -> None:
        self._layout.take([])
        await self._begin()

    async def _begin(self) -> None:
        await store.begin(self._connection, self._job, self._layout)
        self._begun = True
        self._columns = self._width = len(self._layout.columns)

    async def _put(self, encoded: Encoded) -> None:
        """Keep rows until there are enough for a COPY. Rows of one COPY have the same columns."""
        if encoded.plain:
            encoded = await _hashed(encoded)
        if encoded.width != self._width:
            await self._flush()
            self._width = encoded.width
        text = encoded.text()
        self._waiting.append(text)
        self._size += len(text)
        late = asyncio.get_running_loop().time() - self._copied_at > LATEST_SECONDS
        if self._size >= BATCH_BYTES or late:
            await self._flush()
        else:
            await asyncio.sleep(0)

    async def _flush(self) -> None:
        """Hand what waits to PostgreSQL, which works while the next is read."""
        await self._finish()
        self._copied_at = asyncio.get_running_loop().time()
        text, self._waiting, self._size = "".join(self._waiting), [], 0
        self._progress.failed = self._findings.failed
        self._copying = asyncio.create_task(self._copy(text.encode(), self._width), name="copy into staging")

    async def _finish(self) -> None:
        if self._copying is not None:
            copying, self._copying = self._copying, None
            await copying

    async def _copy(self, data: bytes, width: int) -> None:
        job, layout, connection = self._job, self._layout, self._connection
        while self._columns < width:
            await connection.execute(add_column(job.id, layout, self._columns))
            self._columns += 1
        if data:
            names = layout.names()
            fixed = len(names) - len(layout.columns)
            await connection.copy_to_table(
                table_name(job.id),
                source=_once(data),
                schema_name=SCHEMA,
                columns=names[: fixed + width],
                format="text",
            )
        await store.advance(connection, job.id, "reading", self._progress)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _pieces(source: AsyncIterator[bytes]) -> AsyncIterator[bytes | None]:
    """The file in small pieces, and None at its end."""
    async for data in source:
        for start in range(0, len(data), PIECE_BYTES):
            yield data[start : start + PIECE_BYTES]
    yield None


async def _hashed(encoded: Encoded) -> Encoded:
    """The rows with hashes in place of passwords."""
    cells = list(encoded.cells)
    for at in encoded.plain:
        done: list[str] = []
        for start in range(0, len(cells[at]), HASHED_AT_ONCE):
            some = cells[at][start : start + HASHED_AT_ONCE]
            done += await asyncio.gather(*(_hash(cell) for cell in some))
        cells[at] = done
    return msgspec.structs.replace(encoded, cells=cells)


async def _hash(cell: str) -> str:
    return NULL if cell == NULL else escape(await hash_password(unescape(cell)))


async def prepare(connection: Connection, job: ImportJob) -> None:
    """Make the staging table quick to look into by its lines, and known to the planner."""
    staging = table(job.id)
    index = raw("CREATE INDEX ON ") + staging + raw(" USING brin (line) WITH (pages_per_range = 16)")
    await connection.execute(inline(index))
    await connection.execute(inline(raw("ANALYZE ") + staging))
