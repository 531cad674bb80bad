"""A throw-away project: an application in the test's own process on a database of its own, and all that one asks it."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx

from holdfast.auth.account import account_by
from holdfast.auth.answer import new_token
from holdfast.config import Settings
from holdfast.db.pool import Pool
from holdfast.db.sql import Sql, Statement
from holdfast.engine import Engine
from holdfast.hook_arguments import RecordEvent
from holdfast.http.front import Front
from holdfast.plugins.following import begin
from holdfast.plugins.hosting import Plugins
from holdfast.schema.collection import Collection
from holdfast.schema.system import SUPERUSERS
from holdfast.testing.client import Client, FreshToken
from holdfast.testing.clock import Clock
from holdfast.testing.left import Left
from holdfast.testing.mailbox import Mailbox
from holdfast.testing.postgres_host import EMAIL, PASSWORD
from holdfast.testing.queued import QueuedJob, queued_jobs
from holdfast.testing.receiver import Receiver, Webhook, receiving
from holdfast.testing.work import work

OPEN_RULES = ("listRule", "viewRule", "createRule", "updateRule", "deleteRule")
"""Of a collection that `define` makes."""


class Project:
    """An application that runs. `guest` is a client who is nobody, `root` one who is a superuser.

    What happens beside the requests (events that are numbered, jobs, mails, webhooks, what plugins hear of changes)
    waits until `work` is called: so a test sees what was promised, and then what became of it.
    """

    def __init__(self, front: Front, settings: Settings, pool: Pool, stack: AsyncExitStack) -> None:
        self.front = front
        self.settings = settings
        self.pool = pool
        self.clock = Clock(pool)
        self.mailbox = Mailbox()
        self._stack = stack
        self._left: Left | None = None
        self._receiver: Receiver | None = None
        self._people: dict[tuple[str, str], Client] = {}
        self.guest = self.client()
        self.root = Client(front, auth=FreshToken(self.clock, self._root_token))

    @property
    def engine(self) -> Engine:
        """The parts of the server."""
        if self.front.engine is None:
            raise RuntimeError("the project has ended")
        return self.front.engine

    def collection(self, name: str) -> Collection:
        """A collection as it stands now."""
        return self.engine.catalog.get(name)

    # Who asks

    def client(self, token: str = "", *, address: str = "192.0.2.1") -> Client:
        """A client with this token, from this address."""
        return Client(self.front, headers={"Authorization": token} if token else {}, address=address)

    def as_superuser(self) -> Client:
        """A superuser."""
        return self.root

    async def as_user(
        self, name: str, /, *, collection: str = "users", roles: Sequence[str] = (), **values: Any
    ) -> Client:
        """Somebody who is logged in: `NAME@example.com` of an auth collection. The same name is the same person.

        The collection is made if it is not there, with rules that let people see and change themselves, and so are
        roles, which grant nothing. `values` are further fields of the record.
        """
        known = self._people.get((collection, name))
        if known is not None:
            return known
        if collection not in self.engine.catalog.by_name:
            own = "id = @request.auth.id"
            await self.define(collection, type="auth", listRule=own, viewRule=own, updateRule=own, deleteRule=None)
        for role in roles:
            if self.engine.catalog.role(role) is None:
                await self.define_role(role)
        body = {"email": f"{name}@example.com", "password": PASSWORD, "passwordConfirm": PASSWORD, "verified": True}
        record = await self.create(collection, **body, roles=list(roles), **values)

        async def token() -> str:
            return await self._token(collection, "id", record["id"])

        client = Client(self.front, auth=FreshToken(self.clock, token), record=record)
        self._people[collection, name] = client
        return client

    async def as_key(self, *roles: str, **more: Any) -> Client:
        """A program with a new API key of these roles, which are made if they are not there; `more` as in the API."""
        for role in roles:
            if self.engine.catalog.role(role) is None:
                await self.define_role(role)
        made = _ok(await self.root.post("/api/keys", json={"name": "test", "roles": list(roles), **more}))
        return Client(self.front, headers={"X-API-Key": made["key"]})

    async def _root_token(self) -> str:
        return await self._token(SUPERUSERS, "email", EMAIL)

    async def _token(self, collection: str, field: str, content: str) -> str:
        """A login token, without a login: it would take a fifth of a second, and leave events."""
        account = await account_by(self.engine, self.collection(collection), field, content)
        if account is None:
            raise AssertionError(f"{content} of {collection} is gone")
        return await new_token(self.engine, self.collection(collection), account)

    # What is there

    async def define(self, name: str, fields: Sequence[Mapping[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
        """A collection that anyone may read and write, with these fields; `more` are further options of it."""
        body = {"name": name, "type": "base", "fields": list(fields or ()), **dict.fromkeys(OPEN_RULES, ""), **more}
        return _ok(await self.root.post("/api/collections", json=body))

    async def define_role(self, name: str, *permissions: Mapping[str, Any]) -> dict[str, Any]:
        """A role with these permissions."""
        return _ok(await self.root.post("/api/roles", json={"name": name, "permissions": list(permissions)}))

    async def create(self, collection: str, /, **values: Any) -> dict[str, Any]:
        """A record, made by a superuser."""
        return _ok(await self.root.post(f"/api/collections/{collection}/records", json=values))

    async def get(self, collection: str, id: str) -> dict[str, Any]:
        """A record, as a superuser sees it."""
        return _ok(await self.root.get(f"/api/collections/{collection}/records/{id}"))

    async def enable(self, plugin: str, **settings: Any) -> None:
        """Turn on a plugin that is there and off, as bundled ones are, with these settings."""
        if settings:
            _ok(await self.root.patch(f"/api/plugins/{plugin}/settings", json=settings))
        _ok(await self.root.patch(f"/api/plugins/{plugin}", json={"enabled": True}))
        await self.begin()

    async def begin(self) -> None:
        """Let plugins that are on hear of changes from now on, which they do when `work` is called."""
        if isinstance(self.engine.host, Plugins):
            await begin(self.engine.host)

    async def fetch(self, sql: Sql) -> list[dict[str, Any]]:
        """The rows of a statement, on a connection beside those of the application."""
        return [dict(row.items()) for row in await self.pool.fetch(Statement.of(sql))]

    # What was left

    async def events(self) -> list[RecordEvent]:
        """What was put into the log since this was asked last, in order, events of plugins too.

        The first time, that is since the project began.
        """
        if self._left is None:
            self._left = await Left.begin(self.engine)
        return await self._left.take()

    async def jobs(self, name: str = "") -> list[QueuedJob]:
        """The jobs that were promised, or those of this name, the oldest first; done ones too, while they are kept."""
        return [job for job in await queued_jobs(self.pool) if name in ("", job.name)]

    async def webhook(self, *events: str, **more: Any) -> Webhook:
        """A webhook for these events, whose requests come to the test; `more` as in the API."""
        if self._receiver is None:
            self._receiver = await self._stack.enter_async_context(receiving())
        path = f"/{len(self._receiver.paths) + 1}"
        self._receiver.paths.append(path)
        body = {"url": self._receiver.url + path, "events": list(events), **more}
        return Webhook(_ok(await self.root.post("/api/webhooks", json=body)), path, self._receiver)

    async def work(self, *, seconds: float = 15.0) -> None:
        """Do what was promised until nothing is left that is due: number events, do jobs, send mail and webhooks.

        Plugins hear of changes. What failed and is tried again later is not waited for: move the clock, and call it
        again. Raises AssertionError when that takes longer than so many seconds, with what is left.
        """
        if not self.mailbox.port:
            await self.mailbox.start()
            self._stack.callback(self.mailbox.close)
            smtp = {"enabled": True, "host": "127.0.0.1", "port": self.mailbox.port}
            _ok(await self.root.patch("/api/settings", json={"smtp": smtp}))
        await work(self.engine, seconds)


def _ok(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code not in (200, 204):
        raise AssertionError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else {}
