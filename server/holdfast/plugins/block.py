"""A block of a plugin's that is known as long as it is open, so that one that was forgotten can be ended in order."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Generic, TypeVar

from typing_extensions import override

Given = TypeVar("Given")


class Block(AbstractAsyncContextManager[Given], Generic[Given]):
    """`inner`, which stands among `opened` while it is open."""

    def __init__(self, inner: AbstractAsyncContextManager[Given], opened: "list[Block[Any]]") -> None:
        self._inner = inner
        self._opened = opened

    @override
    async def __aenter__(self) -> Given:
        given = await self._inner.__aenter__()
        self._opened.append(self)
        return given

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self in self._opened:
            self._opened.remove(self)
        return await self._inner.__aexit__(kind, failure, trace)
