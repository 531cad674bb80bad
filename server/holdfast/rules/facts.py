"""What a rule may speak of besides rows: who asks, and with what request."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from holdfast.db.sql import Inputs, Sql, bind
from holdfast.events.context import HOPS_HEADER, read_hops
from holdfast.http.form import FormValue
from holdfast.http.request import Request
from holdfast.identity import GUEST, Principal

Context: TypeAlias = Literal[
    "default", "expand", "realtime", "protectedFile", "batch", "oauth2", "otp", "password"
]  # fmt: skip
"""How a request came: `@request.context`."""

FACTS: Final = "facts"
"""The name under which `Inputs.named` holds the Facts of the request that a statement is run for."""

_SIGNS: Final = "+-"


def _nothing() -> Mapping[str, str]:
    return {}


class Facts(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One request, as far as a rule may ask about it.

    Whatever differs between two callers of one audience is read from here when the statement is run, so that a
    compiled rule serves them all; and nothing is read, decoded or encoded that the statement does not use.

    `query` is called when a parameter is asked for first. The names of `headers` are in lower case. `body` is what
    was sent: keys as they came (`tags+` too), values of JSON or of a form.
    """

    who: Principal = GUEST
    method: str = "GET"
    query: Callable[[], Mapping[str, str]] = _nothing
    headers: Mapping[bytes, bytes] = {}
    body: Mapping[str, Any] = {}
    context: Context = "default"
    request_id: str = ""
    hops: int = 0  # webhooks that led to it
    address: Callable[[], str] = str  # of the client

    @classmethod
    def of(cls, request: Request, body: Mapping[str, Any] | None = None, context: Context = "default") -> "Facts":
        """The facts of a request; `body` is given for those that write."""
        return cls(
            who=request.principal,
            method=request.method,
            query=lambda: request.query,
            headers=request.headers,
            body=body or {},
            context=context,
            request_id=request.id,
            hops=read_hops(request.principal, request.headers.get(HOPS_HEADER)),
            address=lambda: request.client,
        )

    @cached_property
    def header_texts(self) -> Mapping[str, str]:
        """The headers by their names in rules: `x_token` for `X-Token`."""
        return {
            name.decode("latin-1").replace("-", "_"): content.decode("latin-1").replace("\0", "")
            for name, content in self.headers.items()
        }

    def is_set(self, names: tuple[str, ...]) -> bool:
        """Whether the body has the key, be it with a modifier (`tags+`), or the path inside of one."""
        first = names[0]
        if len(names) == 1 and any(key.strip(_SIGNS) == first for key in self.body):
            return True
        return self._inside(names)[0]

    def sent(self, names: tuple[str, ...]) -> str | None:
        """What the body has at a path, as JSON; None where there is nothing."""
        there, found = self._inside(names)
        return msgspec.json.encode(found, enc_hook=str).decode() if there else None

    def sent_items(self, names: tuple[str, ...]) -> list[str]:
        """The same as a list of texts: one for each value in a list, and none for what is no list or empty."""
        found = self._inside(names)[1]
        if not isinstance(found, list):
            return []
        return [_text(item) for item in cast("list[object]", found)]

    def _inside(self, names: tuple[str, ...]) -> tuple[bool, object]:
        found: object = self.body
        for name in names:
            if isinstance(found, Mapping):
                content = cast("Mapping[str, object]", found)
                if name not in content:
                    return False, None
                found = content[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(cast("list[object]", found)):
                found = cast("list[object]", found)[int(name)]
            else:
                return False, None
            found = _plain(found)
        return True, found


def _plain(value: object) -> object:
    """A part of a form as JSON has it: its text, or the names of the files."""
    if not isinstance(value, FormValue):
        return value
    texts = [upload.filename for upload in value.uploads] or list(value.texts)
    texts = [text.replace("\0", "") for text in texts]
    return texts[0] if len(texts) == 1 else texts


def _text(item: object) -> str:
    return item if isinstance(item, str) else msgspec.json.encode(item, enc_hook=str).decode()


def facts_of(inputs: Inputs) -> Facts:
    """The facts that a statement is run with."""
    return cast(Facts, inputs.named[FACTS])


CALLER_ID: Final[Sql] = bind(lambda inputs: facts_of(inputs).who.record_id, "text")
"""The id of the caller's own record. One parameter in a statement, however often it stands there."""
