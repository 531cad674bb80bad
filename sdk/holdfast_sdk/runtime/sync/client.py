"""What a generated client stands on."""

# Made of ../aio by `python -m holdfast_sdk.unasync`: change it there.

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import msgspec

from ..batches import Plan
from ..calls import address, get, post
from ..decoding import read
from ..retrying import Retry
from ..tokens import Login, TokenStore, read_login
from .accounts import Accounts

if TYPE_CHECKING:
    import httpx

    from .core import Core

DEFAULT_RETRY = Retry()


class BaseClient:
    """A client of one server, for as many tasks as you like. Close it, or use it in a `with` block.

    `api_key` is for programs; accounts log in by their collection. `tokens` keeps a login between runs. `timeout` is
    how long the server may be silent, in seconds, and `retry` for how long a call is tried. `http` is a pool of your
    own: its settings are yours, and it is not closed.
    """

    hf_schema: ClassVar[str] = ""

    def __init__(
        self,
        url: str,
        *,
        api_key: str = "",
        tokens: TokenStore | None = None,
        timeout: float = 30.0,
        retry: Retry = DEFAULT_RETRY,
        http: httpx.Client | None = None,
    ) -> None:
        from .core import Core, open_pool  # httpx: half of the time of an import, for who has only models to read

        pool = open_pool(url, timeout) if http is None else http
        self.hf_core = Core(pool, retry, self.hf_schema, close_pool=http is None)
        if api_key:
            self.hf_core.session.use_key(api_key)
        if tokens is not None:
            self.hf_core.session.use_store(tokens)

    @property
    def who(self) -> Login | None:
        """The login of this client."""
        return self.hf_core.session.login

    def __enter__(self) -> Self:
        """The client, for the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self.hf_core.close()

    def as_user(self, accounts: Accounts[Any, Any, Any], id: str, *, seconds: int = 0) -> Self:
        """This client as an account, for `seconds` (0: as long as a login): `as_user(client.users, id)`.

        Only a superuser, or a superuser's key, can do so. It shares the connections, and ends with them.
        """
        path = address("collections", accounts.hf_name, "impersonate", id)
        answer = self.hf_core.call(post(path, {"duration": seconds}, repeatable="always"))
        token = read(answer.body, _Impersonation).token
        other = object.__new__(type(self))
        other.hf_core = self.hf_core.copy()
        other.hf_core.session.begin(read_login(token, accounts.hf_name, id, "", answer.headers.get("date")))
        return other

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of any other path of the server, such as those of plugins."""
        call = get(path) if method == "GET" else msgspec.structs.replace(post(path, body), method=method)
        answer = self.hf_core.call(call)
        return msgspec.json.decode(answer.body) if answer.body else None


class _Impersonation(msgspec.Struct, frozen=True):
    token: str


class BaseBatch:
    """Several writes in one transaction: all of them are done at the end of the block, or none.

    An exception in the block means that nothing is sent. What the server refuses raises BadRequest, whose `problems`
    begin with the number of the write: `requests.1`.
    """

    def __init__(self, core: Core, key: str = "") -> None:
        self.hf_core = core
        self.hf_plan = Plan(key)

    def __enter__(self) -> Self:
        """The batch, to be filled."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do it."""
        if kind is None and len(self.hf_plan):
            self.hf_plan.done(self.hf_core.call(self.hf_plan.call()))
