"""How collections and fields are spelt in Python. docs/reference/python-client.md has the rules."""

import keyword
import unicodedata
from collections.abc import Iterable
from typing import Final

_SAME_IN_PLURAL: Final = ("ss", "us", "is", "news", "series", "species")


def identifier(name: str, taken: Iterable[str]) -> str:
    """A name as an attribute: itself where it can be, else with `_` behind it, and not one of those that are taken."""
    found = "".join(sign if f"a{sign}".isidentifier() else "_" for sign in unicodedata.normalize("NFKC", name))
    if found.startswith("_"):  # Python keeps these for what is private
        found = found.lstrip("_") + "_"
    if not found.isidentifier() or not found.strip("_"):
        found = f"n{found}"
    while keyword.iskeyword(found) or found in taken:
        found += "_"
    return found


def identifiers(names: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """The attributes of all of these, all different. Those that can stay as they are do."""
    used = set(taken)
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda one: (identifier(one, used) != one, one)):
        found[name] = identifier(name, used)
        used.add(found[name])
    return found


def pascal(name: str) -> str:
    """A name in the way of classes: `blog_posts` is `BlogPosts`."""
    words = [word for word in identifier(name, ()).split("_") if word]
    found = "".join(word[0].upper() + word[1:] for word in words) or "N"
    return found if found.isidentifier() else f"N{found}"


def singular(name: str) -> str:
    """One of a class name in the plural, as English has it in most words."""
    if name.lower().endswith(_SAME_IN_PLURAL) or not name.lower().endswith("s") or len(name) < 3:
        return name
    if name.endswith("ies") and len(name) > 4:
        return name[:-3] + "y"
    if name.endswith(("sses", "xes", "ches", "shes", "zes")):
        return name[:-2]
    return name[:-1]


# Windows has no files of these names.
_NO_FILES: Final = frozenset(("aux", "con", "nul", "prn", *(f"{one}{n}" for one in ("com", "lpt") for n in range(10))))


def file_names(collections: Iterable[str]) -> dict[str, str]:
    """The file of each collection: names that every file system has, and tells apart."""
    used = set(_NO_FILES)
    found: dict[str, str] = {}
    for name in sorted(collections):
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        found[name] = identifier(plain, used)
        used.add(found[name])
    return found


PARTS: Final = ("", "Record", "Expand", "Create", "Update", "Fields", "Event")


def class_names(collections: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """What the classes of each collection begin with: one of it, or its own name where two would have the same."""
    names = sorted(collections)
    wanted = [singular(pascal(name)) for name in names]
    used = set(taken)
    found: dict[str, str] = {}
    for name, one in zip(names, wanted, strict=True):
        candidate = one if wanted.count(one) == 1 and not _clash(one, used) else pascal(name)
        while _clash(candidate, used):
            candidate += "_"
        found[name] = candidate
        used.update(candidate + part for part in PARTS)
    return found


def _clash(candidate: str, used: set[str]) -> bool:
    return any(candidate + part in used for part in PARTS)


def sentence(text: str) -> str:
    """Somebody's text as the content of a docstring of one line."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    line = line.replace("\\", "\\\\").replace('"', "'")
    return line
