"""The way to a client, whichever process holds its line."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from holdfast.db.pool import Pool
from holdfast.errors import Forbidden, NotFound
from holdfast.http.stream import Line
from holdfast.identity import Principal
from holdfast.realtime.client_id import process_of
from holdfast.realtime.letters import Answer, Outcome, Question, Send, Subscribe, read_answer, read_question
from holdfast.realtime.message import event
from holdfast.realtime.neighbours import Neighbours
from holdfast.realtime.streams import Client, Streams
from holdfast.realtime.topic import Topic

START_SECONDS: Final = 5.0  # until other processes can reach this one; without it clients are served all the same


class Broker:
    """The realtime half of a server process. It works inside `running`."""

    def __init__(self) -> None:
        self._neighbours = Neighbours(self._answer)
        self.streams = Streams(self._neighbours.process)

    @asynccontextmanager
    async def running(self, pool: Pool) -> AsyncGenerator[None]:
        """Hear other processes and look after the lines for the block; at its end all lines are closed."""
        tasks = [
            asyncio.create_task(self._neighbours.follow(pool), name="hear other processes"),
            asyncio.create_task(self.streams.look_after_forever(), name="look after lines"),
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

    async def listen(self, line: Line) -> None:
        """Serve a client for as long as its line is open."""
        client = self.streams.open(line)
        try:
            await line.closed
        finally:
            self.streams.drop(client)

    async def subscribe(self, pool: Pool, client_id: str, topics: tuple[Topic, ...], who: Principal) -> None:
        """Let a client hear these topics, in place of those that it had.

        Raises NotFound for a client that is not there, and Forbidden for one that is somebody else's.
        """
        outcome = await self._ask(pool, Subscribe(client_id, topics, who))
        if outcome == "unknown":
            raise NotFound("There is no client with this id: connect anew.")
        if outcome == "another":
            raise Forbidden("This client has subscribed as somebody else: connect anew.")

    async def send_to(self, pool: Pool, client_id: str, name: str, data: bytes, *, once: bool = False) -> bool:
        """Send a client a message of its own, if it subscribed to that name; False if it is not there, or did not.

        `data` is JSON. `once` ends the subscription to the name with the message.
        """
        return await self._ask(pool, Send(client_id, name, data.decode(), once)) == "done"

    async def _ask(self, pool: Pool, question: Question) -> Outcome:
        process = process_of(question.client_id)
        if process is None:
            return "unknown"
        if process == self._neighbours.process:
            return self._do(question)
        answer = await self._neighbours.ask(pool, process, msgspec.json.encode(question))
        return "unknown" if answer is None else read_answer(answer).outcome

    async def _answer(self, content: bytes) -> bytes:
        return msgspec.json.encode(Answer(self._do(read_question(content))))

    def _do(self, question: Question) -> Outcome:
        client = self.streams.get(question.client_id)
        if client is None:
            return "unknown"
        if isinstance(question, Subscribe):
            return self._subscribe(client, question)
        return self._send(client, question)

    def _subscribe(self, client: Client, question: Subscribe) -> Outcome:
        # A guest may log in on an open line; any other change of the person could show one what another may see.
        if client.who.kind != "guest" and client.who.key != question.who.key:
            return "another"
        client.who = question.who
        client.topics = {topic.text: topic for topic in question.topics}
        self.streams.touch(client)
        return "done"

    def _send(self, client: Client, question: Send) -> Outcome:
        topic = client.topics.get(question.name)
        if topic is None:
            return "unknown"
        if question.once:
            del client.topics[question.name]
        sent = self.streams.send(client, event(question.name, question.data.encode()))
        return "done" if sent else "unknown"
