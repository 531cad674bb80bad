"""What Holdfast refuses of a definition is taken out or made harmless, and noted, so that the rest comes. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

from holdfast.errors import Problem, Problems
from holdfast.pocketbase.definitions import Definition
from holdfast.pocketbase.failed import CannotMove
from holdfast.pocketbase.names import renamed_index
from holdfast.pocketbase.report import Notes
from holdfast.pocketbase.source_collection import RULES

_DROPPED: Final = "_dropped"  # a mark on what goes when all problems have been looked at
_NAMES: Final = frozenset(("validation_existing_index_name", "validation_duplicated_index_name"))


def paths(problems: Problems) -> Iterator[tuple[tuple[str, ...], Problem]]:
    """Every problem with the way to it."""
    for key, found in problems.items():
        if isinstance(found, Problem):
            yield (key,), found
        else:
            yield from (((key, *path), problem) for path, problem in paths(found))


def mend(
    listed: Sequence[Definition], problems: Problems, notes: Notes, keep_view: Callable[[Definition, str], None]
) -> None:
    """Mend the definitions for all problems with them (`collections.2.fields.1.name`).

    `keep_view` makes a view of one whose query cannot be used. Raises CannotMove for what cannot be mended.
    """
    taken: set[tuple[str, ...]] = set()
    # From behind, so that what goes out of a list leaves the places of the others.
    for path, problem in reversed(list(paths(problems))):
        if len(path) < 3 or path[0] != "collections":
            raise CannotMove(f"{'.'.join(path)}: {problem.message}")
        definition = listed[int(path[1])]
        if path[3:4] == ("providers",) and path[:5] in taken:
            continue
        taken.add(path[:5])
        if path[2] == "viewQuery":
            keep_view(definition, problem.message)
        else:
            _mend(definition, path[2:], problem, notes)
    for definition in listed:
        for key in ("fields", "indexes"):
            if key in definition.given:
                definition.given[key] = [one for one in definition.given[key] if not _is_dropped(one)]


def _is_dropped(one: Any) -> bool:
    return one is None or (isinstance(one, dict) and _DROPPED in one)


def _mend(definition: Definition, path: tuple[str, ...], problem: Problem, notes: Notes) -> None:
    name, key = definition.source.name, path[0]
    if key in RULES or key in ("authRule", "manageRule"):
        _close(definition, key, problem, notes)
    elif key == "fields" and len(path) > 2:
        _mend_field(definition, path[1:], problem, notes)
    elif key == "fields" and len(path) == 2:
        _drop_field(definition, definition.given["fields"][int(path[1])], problem, notes)
    elif key == "indexes" and len(path) > 1:
        _mend_index(definition, int(path[1]), problem, notes)
    elif key in ("id", "name", "type", "fields"):
        raise CannotMove(f"{name}: {problem.message}")
    else:
        _mend_option(definition, path, problem, notes)


def _close(definition: Definition, key: str, problem: Problem, notes: Notes) -> None:
    rule = definition.given.get(key)
    if rule is None:
        raise CannotMove(f"{definition.source.name}.{key}: {problem.message}")
    definition.given[key] = None
    what = f"means nothing here: it is closed, for superusers alone. {problem.message} It was: {rule}"
    notes.add(f"{definition.source.name}.{key}", what)


def _mend_field(definition: Definition, path: tuple[str, ...], problem: Problem, notes: Notes) -> None:
    field = cast(dict[str, Any], definition.given["fields"][int(path[0])])
    option = path[1]
    if problem.code == "validation_required_relation_cycle":
        field["required"] = False
        notes.add(_label(definition, field), f"is required no more. {problem.message}")
    elif option in ("name", "type", "collectionId") or option not in field:
        _drop_field(definition, field, problem, notes)
    else:
        was = field.pop(option)
        if option != "id":
            notes.add(_label(definition, field), f"has its usual {option} instead of {was!r}. {problem.message}")


def _drop_field(definition: Definition, field: dict[str, Any], problem: Problem, notes: Notes) -> None:
    if field.get("system") or _DROPPED in field:
        raise CannotMove(f"{_label(definition, field)}: {problem.message}")
    field[_DROPPED] = True
    notes.add(_label(definition, field), f"is left out, with its values. {problem.message}")


def _label(definition: Definition, field: Mapping[str, Any]) -> str:
    return f"{definition.source.name}.{field.get('name', '')}"


def _mend_index(definition: Definition, at: int, problem: Problem, notes: Notes) -> None:
    indexes = cast(list[str | None], definition.given["indexes"])
    if at >= len(indexes):  # one of those that every auth collection has
        raise CannotMove(f"{definition.source.name}: {problem.message}")
    statement = indexes[at] or ""
    fallback = f"idx_{definition.source.id}_{at}"
    if problem.code in _NAMES and fallback not in statement:
        indexes[at] = renamed_index(statement.replace("INDEX `", "INDEX `.", 1), {}, fallback)
        notes.add(definition.source.name, f"an index got another name. {problem.message}")
        return
    indexes[at] = None
    notes.add(definition.source.name, f"an index is left out. {problem.message} It was: {statement}")


def _mend_option(definition: Definition, path: tuple[str, ...], problem: Problem, notes: Notes) -> None:
    """Take an option away, so that it is as usual: one of a list alone, or else the innermost that is given."""
    label = f"{definition.source.name}.{'.'.join(path)}"
    if path == ("mfa", "rule") and definition.given.get("mfa", {}).get("rule"):
        definition.given["mfa"]["rule"] = ""
        notes.add(label, f"means nothing here: everybody needs two factors now. {problem.message}")
        return
    around: Any = definition.given
    for at, key in enumerate(path):
        inner: Any = _inside(around, key)
        last = at == len(path) - 1
        if inner is None or last or not _inside(inner, path[at + 1]) or (isinstance(around, list)):
            if not _take(around, key):
                around, key = definition.given, path[0]
                if not _take(around, key):
                    raise CannotMove(f"{label}: {problem.message}")
            notes.add(label, f"is left out. {problem.message}")
            return
        around = inner


def _inside(around: Any, key: str) -> Any:
    if isinstance(around, list):
        items = cast(list[Any], around)
        return items[int(key)] if key.isdigit() and int(key) < len(items) else None
    return cast(dict[str, Any], around).get(key) if isinstance(around, dict) else None


def _take(around: Any, key: str) -> bool:
    if isinstance(around, list) and key.isdigit() and int(key) < len(cast(list[Any], around)):
        del around[int(key)]
        return True
    if isinstance(around, dict) and key in around:
        del around[key]
        return True
    return False
