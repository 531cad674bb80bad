"""How texts become vectors: by the callable that the settings name."""

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from typing import Any, Final, TypeAlias, cast

from holdfast.plugin import GiveUp

from .hashing import embed as embed_by_hashing
from .settings import HASHING

LISTED: Final = "EMBEDDINGS"
Embed: TypeAlias = Callable[[Sequence[str], int], "Sequence[Sequence[float]] | Awaitable[Sequence[Sequence[float]]]"]
"""Called with texts and the number of dimensions; a plain function runs in a thread, an `async def` in the loop."""


async def make(by: str, texts: Sequence[str], dimensions: int) -> list[list[float]]:
    """The vectors of some texts. Raises GiveUp where trying again is no use, and whatever the callable raises."""
    call = find(by)
    if inspect.iscoroutinefunction(call):
        found: Any = await call(texts, dimensions)
    else:
        found = await asyncio.to_thread(call, texts, dimensions)
    vectors = [[float(number) for number in vector] for vector in found]
    if len(vectors) != len(texts):
        raise GiveUp(f"{by} gave {len(vectors)} vectors for {len(texts)} texts")
    if any(len(vector) != dimensions for vector in vectors):
        raise GiveUp(f"{by} gave vectors that have not {dimensions} dimensions")
    if not all(math.isfinite(number) for vector in vectors for number in vector):
        raise GiveUp(f"{by} gave numbers that are none")
    return vectors


def find(by: str) -> Embed:
    """The callable of a name. Raises GiveUp if there is none.

    Its module has to list it: else whoever may change settings could have any function of Python called.
    """
    if by == HASHING:
        return embed_by_hashing
    module_name, _, function = by.partition(":")
    try:
        module = import_module(module_name)
    except ImportError as failure:
        raise GiveUp(f"there is no module {module_name}: {failure}") from failure
    listed: tuple[str, ...] = getattr(module, LISTED, ())
    found: object = getattr(module, function, None) if function in listed else None
    if not callable(found):
        raise GiveUp(f"the module {module_name} does not list {function} in {LISTED}")
    return cast(Embed, found)
