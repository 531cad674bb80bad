"""Connections to what is most often inside the operator's own network, such as a mail server."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

from holdfast.outbound.address import is_forbidden
from holdfast.outbound.refused import Refused


async def dial(host: str, port: int, *, seconds: float) -> socket.socket:
    """A socket that is connected to a host: to any address but those that nobody can allow.

    `seconds` are for all of it. Raises Refused, and OSError or TimeoutError when nobody is there.
    """
    async with asyncio.timeout(seconds):
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        allowed = [one for one in found if not is_forbidden(str(one[4][0]))]
        if not allowed:
            raise Refused(f"{host} leads to {found[0][4][0]}, which is never asked.")
        return await _first_of(allowed, seconds / len(allowed))


async def _first_of(found: Sequence[tuple[int, int, int, str, Any]], seconds: float) -> socket.socket:
    """The first that answers; each has its share of the time, so that one that is silent does not cost the others."""
    missed: list[OSError] = []
    for family, kind, protocol, _, address in found:
        made = socket.socket(family, kind, protocol)
        try:
            made.setblocking(False)
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().sock_connect(made, address)
        except OSError as failure:  # TimeoutError is one
            made.close()
            missed.append(failure)
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise missed[0]
