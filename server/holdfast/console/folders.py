"""Folders of collections, as operators arrange them in the sidebar of the console. Pure."""

import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from typing import Annotated, Any, Final

import msgspec

from holdfast.errors import Problem, ValidationFailed

MOST_FOLDERS: Final = 500
MOST_COLLECTIONS: Final = 5000
MAX_NAME_CHARS: Final = 100
_WRONG: Final = Problem(
    "validation_invalid_value",
    f"Must be at most {MOST_FOLDERS} folders, each with an id (letters, digits, _ and -, at most 40), a name of 1 to"
    f" {MAX_NAME_CHARS} characters, and the ids of its collections.",
)
_UNKNOWN: Final = Problem("validation_unknown_key", "There is no such key here.")

FolderId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,40}\Z")]
FolderName = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME_CHARS)]
CollectionId = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Folder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One folder. Its id is made up by whoever makes it, and stays; its collections are named by their ids."""

    id: FolderId
    name: FolderName
    collections: tuple[CollectionId, ...] = ()


Folders = tuple[Folder, ...]


def read_folders(body: Mapping[str, Any]) -> Folders:
    """The folders that a body gives, in their order. Raises ValidationFailed."""
    unknown = body.keys() - {"folders"}
    if unknown:
        raise ValidationFailed(dict.fromkeys(sorted(unknown), _UNKNOWN))
    try:
        found = msgspec.convert(body.get("folders"), Folders)
    except msgspec.ValidationError as failure:
        raise ValidationFailed({"folders": _WRONG}) from failure
    named = tuple(msgspec.structs.replace(one, name=one.name.strip()) for one in found)
    ids = [id for one in named for id in one.collections]
    if len(named) > MOST_FOLDERS or len(ids) > MOST_COLLECTIONS or not all(one.name for one in named):
        raise ValidationFailed({"folders": _WRONG})
    _require_one_each("Two folders have the id {}.", (one.id for one in named))
    _require_one_each("Two folders have the name {}.", (one.name.casefold() for one in named))
    _require_one_each("The collection {} is in two places.", ids)
    return named


def _require_one_each(message: str, texts: Iterable[str]) -> None:
    twice = [text for text, times in Counter(texts).items() if times > 1]
    if twice:
        raise ValidationFailed({"folders": Problem("validation_not_unique", message.format(twice[0]))})


def kept_folders(text: str | None) -> Folders:
    """What the database keeps of them."""
    return msgspec.json.decode(text, type=Folders) if text else ()


def folders_there(folders: Folders, ids: Container[str]) -> Folders:
    """The same without collections that are gone."""
    return tuple(
        msgspec.structs.replace(one, collections=tuple(id for id in one.collections if id in ids)) for one in folders
    )


def folders_tag(folders: Folders) -> str:
    """What tells one arrangement from another, for If-Match."""
    return hashlib.sha256(msgspec.json.encode(folders)).hexdigest()[:32]
