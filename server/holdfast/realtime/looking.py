"""The lines of a process as an operator sees them."""

from typing import Final

from holdfast.http.request import Request
from holdfast.realtime.letters import Connection
from holdfast.realtime.streams import Client, Opening, Streams

MOST_SHOWN: Final = 500  # of one process, the newest: what goes between processes is small
MOST_TOPICS: Final = 20  # of one client
MOST_CHARS: Final = 200  # of a topic, and of what a client calls itself


def opening_of(request: Request, *, is_socket: bool = False) -> Opening:
    """Where the line of a request comes from."""
    return Opening(request.client, request.header(b"user-agent")[:MOST_CHARS], is_socket)


def look_at(streams: Streams) -> list[Connection]:
    """The newest MOST_SHOWN clients."""
    return [_shown(client) for client in sorted(streams, key=lambda one: one.opened, reverse=True)[:MOST_SHOWN]]


def _shown(client: Client) -> Connection:
    who = client.standing.who
    return Connection(
        id=client.id,
        who=who.key,
        kind=who.kind,
        opened=client.opened,
        topics=tuple(topic[:MOST_CHARS] for topic in list(client.topics)[:MOST_TOPICS]),
        count=len(client.topics),
        sent=client.sent,
        waiting=client.line.waiting,
        live=client.is_live,
        address=client.opening.address,
        agent=client.opening.agent,
        socket=client.opening.is_socket,
    )
