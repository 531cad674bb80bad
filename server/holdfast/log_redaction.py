"""Takes secrets out of what is logged: by the names of fields, by the look of values, and by value."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

BLOT: Final = "[redacted]"
_NAMES: Final = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|authorization|cookie|api_?key|^dsn$|database_url|redis_url|credential",
    re.IGNORECASE,
)
# Long enough to be no word of ours: shorter configured secrets would blot out half of each line.
_SHORTEST: Final = 6  # characters
_LOOKS: Final = (
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), BLOT),  # JSON web tokens
    (re.compile(r"hf_[A-Za-z0-9]+_[A-Za-z0-9_-]{20,}|hfr_[A-Za-z0-9_-]{20,}"), BLOT),  # API keys, refresh tokens
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 " + BLOT),
    (re.compile(r"(\b[a-z][a-z0-9+]*://[^\s:/@]*:)[^\s@]+@"), r"\1" + BLOT + "@"),  # password in a URL
    (re.compile(r"""(?i)(\b\w*(?:password|secret|token|api_key)\w*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&)}\]]+)"""),
     r"\1" + BLOT),
    (re.compile(r"(invalid input for query argument \$\d+: ).*"), r"\1" + BLOT),  # asyncpg quotes the value
    (re.compile(r"(DETAIL:\s+).*"), r"\1" + BLOT),  # PostgreSQL quotes rows
)  # fmt: skip


class Readable:
    """A text that somebody is meant to read in the log as it is, with its links: a mail in development."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


class Redaction:
    """What is blotted out in one process: the general patterns, and the secrets of its own settings."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(secret) for secret in known)) if known else None

    def text(self, text: str) -> str:
        """The text without what looks like a secret, or is one."""
        for pattern, instead in _LOOKS:
            text = pattern.sub(instead, text)
        return self._known.sub(BLOT, text) if self._known else text

    def path(self, path: str) -> str:
        """A request's path: cheap, since every request has one and few hold anything."""
        return self.text(path) if "eyJ" in path or "hf" in path or ":" in path or "=" in path else path

    def fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a line: those named like secrets are blotted out whole, texts are searched."""
        return {name: self._value(name, content) for name, content in fields.items()}

    def _value(self, name: str, content: Any) -> Any:
        if isinstance(content, Readable):
            return content.text
        if _NAMES.search(name):
            return BLOT
        if isinstance(content, str):
            return self.text(content)
        if isinstance(content, Mapping):
            return self.fields(cast(Mapping[str, Any], content))
        if isinstance(content, list | tuple):
            return [self._value("", item) for item in cast("list[Any]", content)]
        if isinstance(content, BaseException):
            return self.text(f"{type(content).__name__}: {content}")
        return content
