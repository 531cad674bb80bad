"""Servers with a clock that runs fast, or with one protection taken away: what the tests of delivery compare with.

`environment(folder, "no_shares")` is for a Site. Each function here runs in the processes of that server before
anything else, and changes what it finds there; the product has no hook for it.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import msgspec

TESTS = Path(__file__).parents[1]
WITHOUT_CIRCUIT = "without a circuit"
"""The description of webhooks that `hurried` gives none."""
REAL_SECONDS = 15.0  # of a request, for a receiver that works


def environment(folder: Path, *faults: str) -> dict[str, str]:
    """The environment of a server with these faults, as calls: `hurried(60)`. The folder is for nothing else."""
    folder.mkdir()
    calls = "".join(f"faults.{fault if fault.endswith(')') else f'{fault}()'}\n" for fault in faults)
    (folder / "sitecustomize.py").write_text(f"from reliability import faults\n{calls}")
    return {"PYTHONPATH": os.pathsep.join(map(str, (folder, TESTS, TESTS.parent / "server")))}


def hurried(speed: float) -> None:
    """All that the sender of webhooks waits for comes so many times sooner. What it does takes as long as ever."""
    from holdfast.webhooks import circuit, deliverer, schedule
    from holdfast.webhooks.circuit import Circuit
    from holdfast.webhooks.endpoint import Endpoint
    from holdfast.webhooks.lane import Lane

    set_in(schedule, WAITS=tuple(wait / speed for wait in schedule.WAITS))
    set_in(circuit, FAILING_SECONDS=circuit.FAILING_SECONDS / speed)
    set_in(circuit, PROBE_SECONDS=tuple(wait / speed for wait in circuit.PROBE_SECONDS))
    set_in(deliverer, IDLE_SECONDS=deliverer.LOOK_SECONDS / 5, LOOK_SECONDS=deliverer.LOOK_SECONDS / 5)

    class NoCircuit(Circuit, frozen=True):
        """One that never opens."""

        @property
        def is_open(self) -> bool:
            return False

        def failed(self, *_: object, **__: object) -> "NoCircuit":
            return NoCircuit(failures=self.failures + 1)

        def succeeded(self) -> "NoCircuit":
            return NoCircuit()

    class Hurried(Lane):
        """A receiver that fails gets less time, like everything else; what one that works does is work."""

        def __init__(self, endpoint: Endpoint) -> None:
            super().__init__(endpoint)
            if endpoint.draft.description == WITHOUT_CIRCUIT:
                self.circuit = NoCircuit()

        @property
        def endpoint(self) -> Endpoint:
            seconds = REAL_SECONDS / speed if self.circuit.failures or self.circuit.is_open else REAL_SECONDS
            draft: Any = msgspec.structs.replace(self._endpoint.draft, timeout=seconds)  # type: ignore[arg-type]
            return msgspec.structs.replace(self._endpoint, draft=draft)

        @endpoint.setter
        def endpoint(self, endpoint: Endpoint) -> None:
            self._endpoint = endpoint

    set_in(deliverer, Lane=Hurried)


def no_shares() -> None:
    """Connections to a host go to whoever asks first, and nothing is left for who comes next."""
    from holdfast.webhooks import deliverer
    from holdfast.webhooks.lane import Lane
    from holdfast.webhooks.queue import Claimed

    class Greedy(Lane):
        """An endpoint that takes all it can."""

        def take(self, now: float, most: int) -> list[Claimed]:
            return super().take(now, max(most, 1_000_000))

    set_in(deliverer, Lane=Greedy)


def no_reset() -> None:
    """Who asks for what came after a position that nobody knows gets nothing, and is told nothing."""
    from holdfast.events.feed import Feed
    from holdfast.events.position import PositionLost

    read: Any = Feed.read

    async def silent(self: Feed, *args: Any, **more: Any) -> Any:
        try:
            return await read(self, *args, **more)
        except PositionLost:
            return ()

    set_in(Feed, read=silent)


def kept_rights() -> None:
    """Who somebody is, and what an endpoint may see, is looked at once."""
    from holdfast.realtime.rights import Rights
    from holdfast.webhooks import deliverer

    async def nothing(_: Rights) -> None:
        await asyncio.sleep(0)

    async def nobody(*_: object) -> frozenset[int]:
        return frozenset()

    set_in(Rights, fresh=nothing, _look=nothing)
    set_in(deliverer, barred_by_now=nobody)


def no_bounds() -> None:
    """As much waits for a client as may come, for as long as it does not read."""
    from holdfast.http import stream
    from holdfast.realtime import streams

    set_in(stream, MOST_BYTES=1 << 60, MOST_MESSAGES=1 << 60)
    set_in(streams, STALLED_SECONDS=1e9)


def patient() -> None:
    """A leader that is stopped keeps its place."""
    from holdfast.db import leader

    set_in(leader, PAUSED_SECONDS=0)


def set_in(place: object, **content: object) -> None:
    """Other constants of a module, or methods of a class; a name that is not there is a mistake."""
    for name, one in content.items():
        assert hasattr(place, name), (place, name)
        setattr(place, name, one)
