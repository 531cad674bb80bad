"""`If-Match`: which versions of a record a change is meant for."""

import re
from typing import Final, TypeAlias

Versions: TypeAlias = tuple[str, ...] | None
"""The versions that are fine; None is any."""

# An entity tag; W/ is let pass because proxies that compress turn tags into weak ones.
_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')


def read_if_match(header: str) -> Versions:
    """The versions that an `If-Match` header names. Absent and `*` are None: any version of a record that is there.

    A tag is `"<version>-<rest>"`; the rest differs with what was asked for and says nothing about the record.
    What is no tag fits no record.
    """
    if not header.strip() or header.strip() == "*":
        return None
    return tuple(tag.partition("-")[0] for tag in _TAG.findall(header))
