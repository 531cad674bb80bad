"""PocketBase's settings as those of Holdfast, read like `PATCH /api/settings`; what is not taken is noted. Pure."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.config import Settings
from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.options.reading import read_options
from holdfast.pocketbase.failed import CannotMove
from holdfast.pocketbase.mending import paths
from holdfast.pocketbase.report import Notes
from holdfast.schema.app_options import AppOptions
from holdfast.schema.collection import Collection

KEY_BYTES: Final = (16, 24, 32)
_NONCE_BYTES: Final = 12
_KNOWN: Final = frozenset(("meta", "smtp", "rateLimits", "batch", "s3", "logs"))
_ELSEWHERE: Final = {
    "trustedProxy": "is not brought: the setting trusted_proxies says which proxies are believed",
    "backups": "is not brought: backups are made otherwise here",
    "superuserIPs": "is not brought: limit superusers at your proxy, or use API keys with networks",
}


def read_settings(stored: bytes, key: str) -> dict[str, Any] | None:
    """The settings as PocketBase's API shows them, with secrets; None where they are encrypted and no key is given.

    Raises CannotMove for a key that does not open them.
    """
    try:
        found = msgspec.json.decode(stored)
    except msgspec.DecodeError:
        found = None
    if isinstance(found, dict):
        return cast(dict[str, Any], found)
    text = found if isinstance(found, str) else stored.decode("utf-8", "replace")
    return _decrypted(text.strip().strip('"'), key) if key else None


def _decrypted(text: str, key: str) -> dict[str, Any]:
    if len(key.encode()) not in KEY_BYTES:
        raise CannotMove("The encryption key has to have 32 characters, as PocketBase's.")
    try:
        sealed = base64.b64decode(text, validate=True)
        opened = AESGCM(key.encode()).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
        found = msgspec.json.decode(opened)
    except (binascii.Error, InvalidTag, ValueError, msgspec.DecodeError) as failure:
        raise CannotMove("The settings of PocketBase do not open with this encryption key.") from failure
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def read_app_options(
    found: Mapping[str, Any], now: AppOptions, settings: Settings, collections: Iterable[Collection], notes: Notes
) -> AppOptions:
    """The options with what PocketBase has; notes what of it does not come, and why."""
    given: dict[str, Any] = {}
    for section, content in found.items():
        if section in _KNOWN and isinstance(content, dict):
            given[section] = dict(cast(dict[str, Any], content))
        elif _is_said(section, content):
            notes.add(f"settings.{section}", _ELSEWHERE.get(section, "is not brought: there is no such setting here"))
    _without_defaults(given)
    while True:
        try:
            return read_options(given, now, settings, collections)
        except ValidationFailed as failure:
            _leave_out(given, failure.data, notes)


def _is_said(section: str, content: Any) -> bool:
    """Whether somebody has set something there."""
    if not isinstance(content, dict):
        return bool(content)
    found = cast(dict[str, Any], content)
    if section == "backups":
        bucket: dict[str, Any] = found.get("s3") or {}
        return bool(found.get("cron")) or bool(bucket.get("enabled"))
    return any(found.values())


def _without_defaults(given: dict[str, Any]) -> None:
    """The address that PocketBase has before anybody sets one is no setting of anybody's."""
    meta = given.get("meta", {})
    if meta.get("appURL") == "http://localhost:8090":
        del meta["appURL"]
    meta.pop("accentColor", None)  # of PocketBase's own pages


def _leave_out(given: dict[str, Any], problems: Problems, notes: Notes) -> None:
    """Take out what is refused. Raises CannotMove if nothing of it is there, which would go on for ever."""
    taken: set[tuple[str, ...]] = set()
    # From behind, so that what goes out of a list leaves the places of the others.
    for path, problem in reversed(list(paths(problems))):
        is_known = path[1:2] == ("rules",) and path[:3] in taken
        if not is_known and _take(given, path, problem, notes):
            taken.add(path[:3])
    if not taken:
        raise CannotMove(f"The settings cannot be brought: {next(paths(problems))[1].message}")


def _take(given: dict[str, Any], path: tuple[str, ...], problem: Problem, notes: Notes) -> bool:
    around: Any = given
    for at, key in enumerate(path):
        inner: Any = None
        if isinstance(around, list):
            items = cast(list[Any], around)
            if key.isdigit() and int(key) < len(items):
                del items[int(key)]
                notes.add(f"settings.{'.'.join(path)}", f"is left out. {problem.message}")
                return True
            return False
        if isinstance(around, dict):
            inner = cast(dict[str, Any], around).get(key)
        if inner is None:
            return _forget(given, path, problem, notes)
        if at == len(path) - 1:
            del around[key]
            notes.add(f"settings.{'.'.join(path)}", f"is left out. {problem.message}")
            return True
        around = inner
    return False


def _forget(given: dict[str, Any], path: tuple[str, ...], problem: Problem, notes: Notes) -> bool:
    """A problem with what is not given: then it is about the section as a whole."""
    if path[0] not in given:
        return False
    del given[path[0]]
    notes.add(f"settings.{path[0]}", f"is left out. {problem.message}")
    return True
