"""Why the embedded PostgreSQL cannot run."""

from pathlib import Path

from holdfast.db.cannot_start import CannotStart


class EmbeddedError(CannotStart):
    """The embedded PostgreSQL cannot run: one sentence that says what is wrong and what to do."""


def file_error(doing: str, path: Path, failure: OSError) -> EmbeddedError:
    """The sentence for a file or directory that cannot be used: `doing` is such as "The data directory"."""
    return EmbeddedError(
        f"{doing} {path} cannot be used ({failure.strerror or failure}): "
        "choose another with --data, or change its permissions."
    )
