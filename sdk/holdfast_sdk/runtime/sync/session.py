"""Who the client is: a key, or a login that is renewed in time, once for all tasks."""

# Made of ../aio by `python -m holdfast_sdk.unasync`: change it there.

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ..calls import NOTHING, Answer, Call, address, post
from ..decoding import read
from ..errors import ApiError, ConnectionFailed, Forbidden, Unauthenticated
from ..tokens import Login, MemoryTokens, TokenStore, read_login

if TYPE_CHECKING:
    from .core import Core

# A refresh token that is used again ends its session, but for 10 s in which the answer may have been lost.
REPEATED_SECONDS = 8.0
AHEAD_SECONDS = 5.0  # a token that ends so soon may end on the way


class Authenticated(msgspec.Struct, frozen=True):
    """What every login answers; the record is read by who knows its type."""

    token: str
    record: msgspec.Raw
    refresh_token: str = msgspec.field(name="refreshToken", default="")
    meta: Any = None


class _Who(msgspec.Struct, frozen=True):
    id: str = ""
    collection: str = msgspec.field(name="collectionName", default="")


class Session:
    """The login of one client."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._key = ""
        self._store: TokenStore = MemoryTokens()
        self._login: Login | None = None
        self._lock = threading.Lock()
        self._sent: Mapping[str, str] = NOTHING

    @property
    def login(self) -> Login | None:
        """Who is logged in."""
        return self._login

    def use_key(self, key: str) -> None:
        """Be a program with an API key from now on."""
        self._key = key
        self._sent = {"X-API-Key": key}

    def use_store(self, store: TokenStore) -> None:
        """Go on with the login that is kept there, and keep logins there."""
        self._store = store
        self._take(store.load())

    def begin(self, login: Login | None) -> None:
        """Be this one from now on, and keep it; None is nobody."""
        self._store.save(login)
        self._take(login)

    def _take(self, login: Login | None) -> None:
        self._login = login
        if login is not None:
            self._sent = {"Authorization": login.token}
        else:
            self._sent = {"X-API-Key": self._key} if self._key else NOTHING

    def headers(self) -> Mapping[str, str]:
        """The headers that say who asks, renewed if it is time. Raises Unauthenticated when the login has ended."""
        login = self._login
        if login is None or not login.renew_at or time.time() < login.renew_at:
            return self._sent
        with self._lock:
            login = self._login
            if login is not None and time.time() >= login.renew_at:
                self._renew(login)
        return self._sent

    def renew(self) -> None:
        """Renew the login now, if it can be. Raises Unauthenticated when it has ended."""
        with self._lock:
            if self._login is not None and self._login.can_renew:
                self._refresh(self._login)

    def _renew(self, login: Login) -> None:
        kept = self._store.load()
        if kept is not None and kept.token != login.token and kept.renew_at > time.time():
            self._take(kept)  # another program that shares the store was faster
            return
        over = time.time() > login.ends - AHEAD_SECONDS
        if not login.can_renew:
            if over:
                self.begin(None)
                raise Unauthenticated("The login has ended: log in again.")
            return
        try:
            self._refresh(kept if kept is not None and kept.refresh_token else login)
        except ConnectionFailed:
            if over:
                raise

    def _refresh(self, login: Login) -> None:
        body = {"refreshToken": login.refresh_token} if login.refresh_token else {}
        call = post(address("collections", login.collection, "auth-refresh"), body, anonymous=True)
        if not login.refresh_token:
            call = msgspec.structs.replace(call, headers={**call.headers, "Authorization": login.token})
        try:
            answer = self._answer(call)
        except (Unauthenticated, Forbidden) as refused:
            self.begin(None)
            raise Unauthenticated("The login has ended: log in again.", status=refused.status) from refused
        self.accept(answer, login.collection)

    def _answer(self, call: Call) -> Answer:
        """The answer of a refresh. It is repeated only while that is harmless."""
        began = time.monotonic()
        while True:
            left = REPEATED_SECONDS - (time.monotonic() - began)
            try:
                return self._core.call(msgspec.structs.replace(call, patience=left))
            except ConnectionFailed:
                if left < 1:
                    raise
                time.sleep(0.5)

    def accept(self, answer: Answer, collection: str) -> Authenticated:
        """Be the one that a login has answered."""
        found = read(answer.body, Authenticated)
        who = msgspec.json.decode(found.record, type=_Who)
        date = answer.headers.get("date")
        name = who.collection or collection
        self.begin(read_login(found.token, name, who.id, found.refresh_token, date))
        return found

    def log_out(self) -> None:
        """End the session at the server, if it is one, and forget the login."""
        login = self._login
        self.begin(None)
        if login is None or not login.refresh_token:
            return
        try:
            sessions = address("collections", login.collection, "sessions")
            headers = {"Authorization": login.token}
            listed = self._core.call(Call("GET", sessions, headers=headers, anonymous=True))
            for session in msgspec.json.decode(listed.body, type=_Sessions).items:
                if session.current:
                    path = address("collections", login.collection, "sessions", session.id)
                    self._core.call(Call("DELETE", path, headers=headers, anonymous=True))
        except (ApiError, ConnectionFailed):
            return  # it ends by itself: its token was not kept


class _Session(msgspec.Struct, frozen=True):
    id: str
    current: bool = False


class _Sessions(msgspec.Struct, frozen=True):
    items: list[_Session]
