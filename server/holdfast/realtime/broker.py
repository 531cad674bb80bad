"""The way to a client, whichever process holds its line."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

import msgspec

from holdfast.engine import Engine
from holdfast.errors import Forbidden, NotFound, Unavailable
from holdfast.events.position import Position, read_position
from holdfast.http.stream import Line
from holdfast.realtime.changes import Changes
from holdfast.realtime.client_id import process_of
from holdfast.realtime.letters import (
    Answer,
    Connection,
    HangUp,
    Look,
    Outcome,
    Report,
    Send,
    Subscribe,
    read_answer,
    read_question,
)
from holdfast.realtime.looking import look_at
from holdfast.realtime.message import event, reached
from holdfast.realtime.neighbours import Neighbours
from holdfast.realtime.rights import Rights
from holdfast.realtime.streams import NOWHERE as NO_OPENING
from holdfast.realtime.streams import Client, Opening, Streams
from holdfast.realtime.subscription import Subscription, is_about_records

START_SECONDS: Final = 5.0  # until other processes can reach this one; without it clients are served all the same
NOWHERE: Final = Position("", 0)  # of no epoch: who says so has to read afresh
Told: TypeAlias = Callable[[Engine, str], bytes]
"""What this process has counted, for another one of the server that is named; nothing if it is none of that server."""


class Broker:
    """The realtime half of a server process. It works inside `running`.

    `report` is told to other processes of the same server that ask with `reports`.
    """

    def __init__(self) -> None:
        self._neighbours = Neighbours(self._answer)
        self.streams = Streams(self._neighbours.process)
        self.report: Told = lambda _, __: b""
        self._engine: Engine | None = None
        self._changes: Changes | None = None

    @asynccontextmanager
    async def running(self, engine: Engine) -> AsyncGenerator[None]:
        """Serve clients for the block; at its end all lines are closed."""
        self._engine = engine
        rights = Rights(engine, self.streams)
        self._changes = Changes(engine, self.streams, rights)
        tasks = [
            asyncio.create_task(self._neighbours.follow(engine.pool), name="hear other processes"),
            asyncio.create_task(self.streams.look_after_forever(), name="look after lines"),
            asyncio.create_task(rights.run(), name="look at rights"),
            asyncio.create_task(self._changes.run(), name="tell changes"),
        ]
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._neighbours.listening.wait(), START_SECONDS)
            yield
        finally:
            self.streams.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def listen(self, line: Line, first: Subscribe | None = None, opening: Opening = NO_OPENING) -> None:
        """Serve a client for as long as its line is open. `first` is what it wants to hear without asking again."""
        client = self.streams.open(line, opening)
        try:
            if first is not None:
                if read_position(first.since) is not None:
                    # Else a line that breaks before the first message would leave a browser with our id as its last.
                    line.put(reached(first.since), 0)
                outcome = await self._do(msgspec.structs.replace(first, client_id=client.id))
                if outcome != "done":
                    line.close()  # its client comes again; nobody would ever tell it anything on this one
            await line.closed
        finally:
            self.drop(client)

    def drop(self, client: Client) -> None:
        """Forget a client whose line is closed."""
        self.streams.drop(client)
        if self._changes is not None:
            self._changes.leave(client)

    async def subscribe(self, engine: Engine, question: Subscribe) -> None:
        """Let a client hear other topics than before.

        Raises NotFound for a client that is not there, Forbidden for one that is somebody else's, and Unavailable.
        """
        outcome = await self._ask(engine, question)
        if outcome == "unknown":
            raise NotFound("There is no client with this id: connect anew.")
        if outcome == "another":
            raise Forbidden("This client has subscribed as somebody else: connect anew.")
        if outcome == "away":
            raise Unavailable("The database cannot be reached just now: try again in a moment.")
        if outcome == "full":
            raise Unavailable("The clients of this server listen to too many topics: try again in a moment.")

    async def send_to(self, engine: Engine, client_id: str, name: str, data: bytes, *, once: bool = False) -> bool:
        """Send a client a message of its own, if it subscribed to that name; False if it is not there, or did not.

        `data` is JSON. `once` ends the subscription to the name with the message. Raises Unavailable.
        """
        return await self._ask(engine, Send(client_id, name, data.decode(), once)) == "done"

    async def reports(self, engine: Engine, server: str) -> tuple[bytes, ...]:
        """What the other processes of this server report, without those that do not answer in time."""
        return await self._ask_all(engine, Report(server))

    async def connections(self, engine: Engine) -> tuple[Connection, ...]:
        """The clients of all processes of this database that answer in time, the newest first."""
        answers = await self._ask_all(engine, Look())
        found = [one for answer in answers for one in msgspec.json.decode(answer, type=list[Connection])]
        return tuple(sorted((*look_at(self.streams), *found), key=lambda one: one.opened, reverse=True))

    async def hang_up(self, engine: Engine, client_id: str) -> bool:
        """Close the line of a client; False if it is not there. Raises Unavailable."""
        return await self._ask(engine, HangUp(client_id)) == "done"

    async def _ask_all(self, engine: Engine, question: Report | Look) -> tuple[bytes, ...]:
        try:
            others = await self._neighbours.others(engine.pool)
        except Unavailable:
            return ()
        letter = msgspec.json.encode(question)
        asking = (self._neighbours.ask(engine.pool, process, letter) for process in others)
        answers = await asyncio.gather(*asking, return_exceptions=True)
        return tuple(answer for answer in answers if isinstance(answer, bytes) and answer)

    async def _ask(self, engine: Engine, question: Subscribe | Send | HangUp) -> Outcome:
        process = process_of(question.client_id)
        if process is None:
            return "unknown"
        if process == self._neighbours.process:
            return await self._do(question)
        answer = await self._neighbours.ask(engine.pool, process, msgspec.json.encode(question))
        return "unknown" if answer is None else read_answer(answer).outcome

    async def _answer(self, content: bytes) -> bytes:
        question = read_question(content)
        if isinstance(question, Report):
            return b"" if self._engine is None else self.report(self._engine, question.server)
        if isinstance(question, Look):
            return msgspec.json.encode(look_at(self.streams))
        return msgspec.json.encode(Answer(await self._do(question)))

    async def _do(self, question: Subscribe | Send | HangUp) -> Outcome:
        if isinstance(question, HangUp):
            client = self.streams.get(question.client_id)
            if client is not None:
                client.line.close()
            return "unknown" if client is None else "done"
        if isinstance(question, Send):
            return self._send(question)
        changes = self._changes
        after: Position | None = None
        if changes is not None and any(is_about_records(topic) for topic in question.topics):
            try:
                after = await changes.prepare()
            except Unavailable:
                return "away"
        return "away" if changes is None else self._subscribe(changes, question, after)

    def _subscribe(self, changes: Changes, question: Subscribe, after: Position | None) -> Outcome:
        client = self.streams.get(question.client_id)
        if client is None:
            return "unknown"
        # A guest may log in on an open line; any other change of the person could show one what another may see.
        if client.standing.who.kind != "guest" and client.standing.who.key != question.standing.who.key:
            return "another"
        if not self.streams.has_room(client, len(question.topics)):
            return "full"
        since = read_position(question.since) or NOWHERE if question.since else _reached(client)
        changes.leave(client)
        client.standing = question.standing
        kept = {} if question.since else client.topics
        after = None if question.since else after
        topics = {topic.text: kept.get(topic.text) or Subscription(client, topic, after) for topic in question.topics}
        self.streams.give(client, topics)
        changes.join(client, since)
        return "done"

    def _send(self, question: Send) -> Outcome:
        client = self.streams.get(question.client_id)
        if client is None or question.name not in client.topics:
            return "unknown"
        if question.once:
            self.streams.take(client, question.name)
        sent = self.streams.send(client, event(question.name, question.data.encode()))
        return "done" if sent else "unknown"


def _reached(client: Client) -> Position | None:
    """How far a client has come that is still told what it has missed."""
    return client.since if client.replay is not None else None
