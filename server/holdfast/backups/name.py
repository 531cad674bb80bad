"""What a backup is called: PocketBase's rule, and names that are made. Pure."""

import re
from datetime import datetime
from typing import Final

from holdfast.errors import Problem, ValidationFailed

MAX_CHARS: Final = 150
SUFFIX: Final = ".zip"
_NAME: Final = re.compile(r"[a-z0-9_-]+\.zip", re.ASCII)
_OTHERS: Final = re.compile(r"[^a-z0-9]+")
_WRONG: Final = Problem(
    "validation_match_invalid",
    f"Must be of small letters, digits, - and _, end with {SUFFIX}, and have at most {MAX_CHARS} characters.",
)


def is_name(key: str) -> bool:
    """Whether a backup can be called so."""
    return len(key) <= MAX_CHARS and _NAME.fullmatch(key) is not None


def read_name(given: object) -> str:
    """The name that somebody asks for; empty where they leave it to us. Raises ValidationFailed."""
    if given is None or given == "":
        return ""
    if not isinstance(given, str) or not is_name(given):
        raise ValidationFailed({"name": _WRONG})
    return given


def made_up(kind: str, project: str, at: datetime) -> str:
    """A name of what it is, of which project, and when: `hf_backup_acme_20261122080000.zip`."""
    words = {"manual": "backup", "scheduled": "auto", "safety": "safety"}
    short = _OTHERS.sub("_", project.lower()).strip("_")[:60]
    return "_".join(filter(None, ("hf", words[kind], short, f"{at:%Y%m%d%H%M%S}"))) + SUFFIX
