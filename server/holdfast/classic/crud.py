"""Reads by Piccolo, writes by the record service: rules, hooks and events hold as for any other client."""

# What Piccolo knows of a table has an underscore, and its methods are wrapped by a decorator without types.
# pyright: reportPrivateUsage=false, reportIncompatibleVariableOverride=false

import json
from collections.abc import Mapping
from typing import Any, Final, cast

import asyncpg
from piccolo.columns import JSON, JSONB
from piccolo.columns.base import Column
from piccolo.table import Table
from piccolo_admin.endpoints import TableConfig
from piccolo_api.crud.endpoints import OrderBy, PiccoloCRUD
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from holdfast.classic.tables import attribute
from holdfast.engine import Engine
from holdfast.errors import ApiError, Problem, Problems
from holdfast.http.litestar import SCOPE_ENGINE, SCOPE_REQUEST
from holdfast.records.write import Write
from holdfast.records.write_service import create, delete, update
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection

EXACT_BELOW: Final = 50_000  # rows: of more the number is PostgreSQL's own estimate
PAGE: Final = 30
_ESTIMATE: Final = "SELECT class.reltuples::bigint AS rows FROM pg_class AS class WHERE class.oid = to_regclass({})"


class Reader(PiccoloCRUD):
    """A table that is only looked at."""

    def __init__(self, table: type[Table], *, read_only: bool = True) -> None:
        config = TableConfig(table, order_by=[OrderBy(table._meta.primary_key, ascending=False)])
        extra = {
            "visible_column_names": config.get_visible_column_names(),
            "visible_filter_names": config.get_visible_filter_names(),
            "rich_text_columns": (),
            "media_columns": (),
            "link_column_name": config.get_link_column()._meta.name,
            "order_by": tuple(one.to_dict() for one in config.get_order_by()),
            "time_resolution": config.get_time_resolution(),
        }
        super().__init__(table, read_only=read_only, page_size=PAGE, schema_extra=extra)

    @override
    async def get_count(self, request: Request) -> Response:
        """How many there are: of a big table that nothing narrows, what PostgreSQL estimates."""
        if not any(not name.startswith("__") for name in request.query_params):
            meta = self.table._meta
            named = f'"{meta.schema}"."{meta.tablename}"'
            found = cast("list[dict[str, int]]", await self.table.raw(_ESTIMATE, named).run())
            rows = found[0]["rows"] if found else 0
            if rows > EXACT_BELOW:
                return JSONResponse({"count": rows, "page_size": self.page_size})
        return await super().get_count(request)


class Records(Reader):
    """The records of a collection."""

    def __init__(self, table: type[Table], collection: Collection) -> None:
        super().__init__(table, read_only=collection.is_view)
        self._collection = collection
        # Names in Python to names of fields; files go by forms, and come by the console.
        self._fields = {
            attribute(field.name): field.name for field in collection.fields if field.type not in ("file", "autodate")
        }

    @override
    async def post_single(self, request: Request, data: dict[str, Any]) -> Response:
        """Make a record."""
        try:
            written = await create(_engine(request), self._write(request, self._body(data)))
        except ApiError as failure:
            return refusal(failure)
        return JSONResponse([{"id": written.id}], status_code=201)

    @override
    async def patch_single(self, request: Request, row_id: Any, data: dict[str, Any]) -> Response:
        """Change some fields of a record, and answer the record."""
        try:
            await update(_engine(request), self._write(request, self._body(data), str(row_id)))
        except ApiError as failure:
            return refusal(failure)
        return await self.get_single(request, row_id)

    @override
    async def put_single(self, request: Request, row_id: Any, data: dict[str, Any]) -> Response:
        """Change the fields of a record."""
        answer = await self.patch_single(request, row_id, data)
        return Response(status_code=204) if answer.status_code == 200 else answer

    @override
    async def delete_single(self, request: Request, row_id: Any) -> Response:
        """Delete a record."""
        try:
            await delete(_engine(request), self._write(request, {}, str(row_id)))
        except ApiError as failure:
            return refusal(failure)
        return Response(status_code=204)

    def _write(self, request: Request, body: Mapping[str, Any], id: str = "") -> Write:
        ours = request.scope[SCOPE_REQUEST]
        engine = _engine(request)
        return Write(
            catalog=engine.catalog,
            collection=self._collection,
            who=ours.principal,
            id=id,
            body=body,
            fields="id",
            request=Facts.of(ours, body),
        )

    def _body(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What the form sends, as the API takes it: nothing for what it does not know, JSON and not its text."""
        found: dict[str, Any] = {}
        for key, content in data.items():
            name = self._fields.get(key)
            if name is None or (name == "id" and not content):
                continue
            column = cast(Column, getattr(self.table, key))
            if isinstance(column, JSON | JSONB) and isinstance(content, str):
                content = _read(content)
            found[name] = content
        return found


def _read(text: str) -> object:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text  # which the field refuses, or keeps as a text


def _engine(request: Request) -> Engine:
    return request.scope[SCOPE_ENGINE]


def refusal(failure: ApiError) -> Response:
    """A refusal as the pages of Piccolo Admin show one: by field, or in one sentence."""
    told = [{"loc": ["body", field], "msg": message, "type": code} for field, code, message in _flat(failure.data)]
    whole = [{"loc": ["body", "record"], "msg": failure.message, "type": failure.code}]
    return JSONResponse({"detail": told or whole}, status_code=422 if failure.status == 400 else failure.status)


def _flat(data: Problems, under: str = "") -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for name, problem in data.items():
        if isinstance(problem, Problem):
            found.append((under + name, problem.code, problem.message))
        else:
            found += _flat(problem, f"{under}{name}.")
    return found


def failed_read(failure: Exception) -> Response:
    """What is answered to a question that cannot be asked, where PostgreSQL gave up, or where the table has changed."""
    if isinstance(failure, asyncpg.QueryCanceledError):
        return _told(503, "PostgreSQL needs too long for this: filter by less, or sort by another column.")
    if isinstance(failure, asyncpg.PostgresError) and not isinstance(failure, asyncpg.DataError):
        return _told(503, "The table has changed: load the page anew.")
    return _told(400, "There is no such column, or it does not hold such values.")


def _told(status: int, message: str) -> Response:
    return JSONResponse({"detail": [{"loc": ["query"], "msg": message, "type": "query"}]}, status_code=status)


class FormProblem(ValueError):
    """What a form of Piccolo Admin shows in place of its success."""

    @classmethod
    def of(cls, failure: ApiError) -> "FormProblem":
        """The same of a refusal."""
        told = "; ".join(f"{field}: {message}" for field, _, message in _flat(failure.data))
        return cls(told or failure.message)
