"""What the doctor says about one thing."""

from typing import Literal, TypeAlias

import msgspec

State: TypeAlias = Literal["ok", "warning", "broken"]


class Finding(msgspec.Struct, frozen=True, rename="camel"):
    """One thing that was looked at.

    `found` says how it is; `advice` what to do, and is empty only where the state is ok.
    """

    about: str
    state: State
    found: str
    advice: str = ""


def ok(about: str, found: str) -> Finding:
    """All is well."""
    return Finding(about, "ok", found)


def warning(about: str, found: str, advice: str) -> Finding:
    """It works, and something should be done before it does not."""
    return Finding(about, "warning", found, advice)


def broken(about: str, found: str, advice: str) -> Finding:
    """Something does not work, or not as it was declared."""
    return Finding(about, "broken", found, advice)
