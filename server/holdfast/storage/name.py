"""The names under which files are stored: harmless everywhere, and no two alike. Pure but for the random part."""

import hashlib
import re
import secrets
import string
import unicodedata
from typing import Final

MAX_STEM_CHARS: Final = 100
MAX_SUFFIX_CHARS: Final = 20
RANDOM_CHARS: Final = 10  # of 36 letters: 51 bits, beside the record that the file belongs to
_LETTERS: Final = string.ascii_lowercase + string.digits
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_SUFFIX: Final = re.compile(rf"[A-Za-z0-9]{{1,{MAX_SUFFIX_CHARS}}}")
_FOLDERS: Final = re.compile(r".*[/\\]", re.DOTALL)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
MAX_FOLDER_CHARS: Final = 200  # of a record's folder; file systems take 255 bytes


def stored_name(original: str, suffix: str = "") -> str:
    """A new name for a file: what is left of its sender's name, something random, and the suffix.

    `suffix` (without the dot) is for files that were sent without one. Whatever the sender wrote, the name has only
    letters, digits and underscores before its suffix, so that no file system, address or header takes it for
    something else.
    """
    stem, dot, ending = _FOLDERS.sub("", original).rpartition(".")
    if not dot or _SUFFIX.fullmatch(ending) is None:
        stem, ending = _FOLDERS.sub("", original), suffix
    random = "".join(secrets.choice(_LETTERS) for _ in range(RANDOM_CHARS))
    # A letter with an accent becomes the letter; one of another script has nothing to become.
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    words = "_".join(_WORD.findall(plain))[:MAX_STEM_CHARS].strip("_").lower()
    name = f"{words}_{random}" if words else random
    return f"{name}.{ending.lower()}" if ending else name


def folder_of(collection_id: str, record_id: str) -> str:
    """The part of a key that the files of one record have in common: `COLLECTION/RECORD`, as PocketBase has it.

    An id that means something to a file system or a bucket is spelt otherwise.
    """
    return f"{_spelt(collection_id)}/{_spelt(record_id)}"


def key_of(collection_id: str, record_id: str, name: str) -> str:
    """Where a file is in the storage."""
    return f"{folder_of(collection_id, record_id)}/{name}"


def _spelt(id: str) -> str:
    if _PLAIN.fullmatch(id) is not None:
        return id
    spelt = id.encode("utf-8", "surrogatepass").hex()
    return "=" + (spelt if len(spelt) <= MAX_FOLDER_CHARS else hashlib.sha256(spelt.encode()).hexdigest())
