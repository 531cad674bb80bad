"""R14: who loses a right is told nothing more that hung on it, within two seconds."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from receiver import OK, Answer, Call, Receiver
from reliability import faults
from reliability.figures import Figures
from reliability.site import Site, until

PASSWORD = "a password of somebody"
MOST_SECONDS = 2.0
LOOK_SECONDS = 6.0  # after the last right was taken; the second try of a delivery is among them
WRITE_SECONDS = 0.05
WRITE = """
    INSERT INTO by_role (id) VALUES (gen_random_uuid()::text);
    INSERT INTO by_rule (id) VALUES (gen_random_uuid()::text);
    INSERT INTO by_login (id) VALUES (gen_random_uuid()::text);
    UPDATE by_owner SET n = n + 1
"""


class Listener:
    """Somebody who hears the records of a collection. `last` is when they heard one last, `closed` when they were told
    that it is over, `ended` when their line was ended; 0 is never."""

    def __init__(self, site: Site, collection: str, headers: dict[str, str]) -> None:
        self.site = site
        self.topic = f"{collection}/*"
        self.headers = headers
        self.count = 0
        self.last = self.closed = self.ended = 0.0

    def hear(self, name: str) -> None:
        """A message has come."""
        if name == self.topic:
            self.count, self.last = self.count + 1, time.monotonic()
        elif name == "HF_CLOSED":
            self.closed = time.monotonic()

    async def by_events(self, session: aiohttp.ClientSession) -> None:
        """Listen to server-sent events until the server ends them."""
        url, query = f"{self.site.url}/api/realtime", {"topics": self.topic}
        async with session.get(url, params=query, headers=self.headers) as answer:
            assert answer.status == 200
            async for line in answer.content:
                if line.startswith(b"event:"):
                    self.hear(line[len(b"event:") :].decode().strip())
        self.ended = time.monotonic()

    async def by_socket(self, session: aiohttp.ClientSession) -> None:
        """Listen to a WebSocket until the server ends it."""
        url = self.site.url.replace("http", "ws") + "/api/realtime/ws"
        async with session.ws_connect(url, headers=self.headers) as opened:
            await opened.send_json({"subscriptions": [self.topic]})
            async for message in opened:
                self.hear(json.loads(message.data)["event"])
        self.ended = time.monotonic()


class Right:
    """A right that is taken away at `taken`. `ends`: the lines of those who had it end, too."""

    def __init__(self, listener: Listener, take: Callable[[], Awaitable[Any]], *, ends: bool) -> None:
        self.listeners = [listener, Listener(listener.site, listener.topic.partition("/")[0], listener.headers)]
        self.take = take
        self.ends = ends
        self.taken = 0.0

    @property
    def last(self) -> float:
        """The seconds from then until the last message that nobody should have got."""
        return max(one.last - self.taken for one in self.listeners)

    @property
    def over(self) -> float:
        """The seconds until the lines said so and ended; a large number if they did not."""
        each = [max(one.closed, one.ended) - self.taken if one.closed and one.ended else 1e6 for one in self.listeners]
        return max(each)


class House:
    """A server with people, keys and roles, that all may hear something."""

    def __init__(self, site: Site, receiver: Receiver, name: str) -> None:
        self.site = site
        self.receiver = receiver
        self.slow, self.down = f"/{name}/slow", f"/{name}/down"
        self.rights: list[Right] = []
        self.receivers_taken = 0.0

    async def open(self) -> None:
        """Start, and let everybody have their rights."""
        await self.site.start("--workers", "2")
        number = {"name": "n", "type": "number"}
        await self.site.define("by_role", number, listRule=None, viewRule=None)
        await self.site.define("by_rule", number)
        await self.site.define("by_login", number, listRule="@request.auth.id != ''")
        await self.site.define("by_owner", number, {"name": "owner", "type": "text"}, listRule="owner=@request.auth.id")
        for role in ("held", "granting", "of_a_key", "of_a_receiver"):
            permission = {"collection": "by_role", "actions": ["list", "view"]}
            await self.site.post("/api/roles", {"name": role, "permissions": [permission]})
        await self.let_people()
        await self.let_receivers()

    async def let_people(self) -> None:
        """Those who listen, and how each of them loses the right to."""
        site, users = self.site, "/api/collections/users/records"
        held, granted, owner, changed, gone, out = [
            await self.person(one) for one in ("held", "granted", "owner", "changed", "gone", "out")
        ]
        await site.patch(f"{users}/{held[0]}", {"roles": ["held"]})
        await site.patch(f"{users}/{granted[0]}", {"roles": ["granting"]})
        own = await site.post("/api/collections/by_owner/records", {"owner": owner[0]})
        key = await site.post("/api/keys", {"name": "k", "roles": ["of_a_key"]})
        password = {"password": "another password", "passwordConfirm": "another password"}
        no_owner = f"/api/collections/by_owner/records/{own['id']}"
        self.let("by_role", held[1], lambda: site.patch(f"{users}/{held[0]}", {"roles": []}))
        self.let("by_role", granted[1], lambda: site.patch("/api/roles/granting", {"permissions": []}))
        self.let("by_rule", "", lambda: site.patch("/api/collections/by_rule", {"listRule": None}))
        self.let("by_owner", owner[1], lambda: site.patch(no_owner, {"owner": "somebody else"}))
        self.let("by_role", key["key"], lambda: site.delete(f"/api/keys/{key['id']}"), ends=True)
        self.let("by_login", changed[1], lambda: site.patch(f"{users}/{changed[0]}", password), ends=True)
        self.let("by_login", gone[1], lambda: site.delete(f"{users}/{gone[0]}"), ends=True)
        self.let("by_login", out[1], lambda: self.log_out(out[1]), ends=True)

    def let(self, collection: str, token: str, take: Callable[[], Awaitable[Any]], *, ends: bool = False) -> None:
        """Somebody who may listen for now."""
        headers = {"Authorization": token} if token else {}
        self.rights.append(Right(Listener(self.site, collection, headers), take, ends=ends))

    async def person(self, name: str) -> tuple[str, str]:
        """Somebody with a session: their id, and their token."""
        email = f"{name}@example.com"
        body = {"email": email, "password": PASSWORD, "passwordConfirm": PASSWORD}
        record = await self.site.post("/api/collections/users/records", body)
        login = {"identity": email, "password": PASSWORD, "session": True}
        return record["id"], (await self.site.post("/api/collections/users/auth-with-password", login))["token"]

    async def log_out(self, token: str) -> None:
        """End all sessions of somebody."""
        url, headers = f"{self.site.url}/api/collections/users/sessions", {"Authorization": token}
        async with aiohttp.ClientSession() as session, session.delete(url, headers=headers) as answer:
            assert answer.status == 204

    async def let_receivers(self) -> None:
        """Two webhooks with a role: one to a slow receiver, so that much waits, and one to a receiver that fails."""
        self.receiver.replies[self.slow] = lambda _: Answer(delay=2.0)
        self.receiver.replies[self.down] = self._down
        for path in (self.slow, self.down):
            body = {"url": self.receiver.url + path, "events": ["by_role.created"], "role": "of_a_receiver"}
            await self.site.post("/api/webhooks", body)

    def _down(self, _: Call) -> Answer:
        return OK if self.receivers_taken else Answer(503)

    async def live(self) -> None:
        """Let everybody listen, take everything away, and go on for a while."""
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            tasks = [asyncio.create_task(self.write())]
            for right in self.rights:
                one, other = right.listeners
                tasks += map(asyncio.create_task, (one.by_events(session), other.by_socket(session)))
            try:
                await until(lambda: all(one.count for right in self.rights for one in right.listeners), "messages", 20)
                await until(lambda: len(self.receiver.at(self.slow)) > 20, "deliveries", 20)
                for right in self.rights:
                    await right.take()
                    right.taken = time.monotonic()
                await self.site.patch("/api/roles/of_a_receiver", {"permissions": []})
                self.receivers_taken = time.monotonic()
                await asyncio.sleep(LOOK_SECONDS)
                assert not tasks[0].done(), tasks[0]
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def write(self) -> None:
        """Change everything again and again."""
        connection = await self.site.connect()
        try:
            while True:
                await connection.execute(WRITE)
                await asyncio.sleep(WRITE_SECONDS)
        finally:
            await connection.close()

    def delivered(self) -> list[float]:
        """How many seconds after the receivers' role has lost its permission each later request came."""
        calls = (*self.receiver.at(self.slow), *self.receiver.at(self.down))
        return [call.at - self.receivers_taken for call in calls if call.at > self.receivers_taken]


@pytest.mark.reliability_gate
@pytest.mark.reliability("R14", "Rights that are taken away end within two seconds")
async def test_r14_revocation(site: Site, receiver: Receiver, anywhere: Path, figures: Figures) -> None:
    """Everything changes all the time, and people listen on two server processes, each by server-sent events and over
    a WebSocket. Then they lose what they may: a role, the permission of a role, a rule, a record of their own, an API
    key, a password, their account, their session. Nothing may come two seconds later, and who is nobody any more has
    to be told `HF_CLOSED` and to lose the line. Deliveries have queued for two webhooks with a role, of which one
    leads to a receiver that is slow and one to a receiver that fails: when the role has lost its permission, no
    request may begin two seconds later, and none be tried again.

    The control is a server that looks at people and roles once.
    """
    trusting = Site(anywhere / "trusting", environment=faults.environment(anywhere / "faults", "kept_rights"))
    async with trusting as other:
        house, compared = House(site, receiver, "real"), House(other, receiver, "trusting")
        await asyncio.gather(house.open(), compared.open())
        await asyncio.gather(house.live(), compared.live())
    figures.size("rights, each on 2 lines", gate=len(house.rights), full=len(house.rights))
    figures.at_most("last message that nobody should get", max(one.last for one in house.rights), MOST_SECONDS, "s")
    over = max(one.over for one in house.rights if one.ends)
    figures.at_most("last line that ended", over, MOST_SECONDS, "s")
    figures.at_most("last delivery that nobody should get", max(house.delivered(), default=0.0), MOST_SECONDS, "s")
    late = sum(one.last > MOST_SECONDS for one in compared.rights)
    late += any(at > MOST_SECONDS for at in compared.delivered())
    figures.control("looked at once", "rights that live longer", late, beyond=4)
