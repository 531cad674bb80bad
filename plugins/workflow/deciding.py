"""Who may make which move. Pure."""

from collections.abc import Mapping, Set
from typing import Any, Literal, TypeAlias

import msgspec

from holdfast.identity import Principal

from .settings import Move, Workflow

Verdict: TypeAlias = Literal["allowed", "no such move", "not yours"]


class Asker(msgspec.Struct, frozen=True):
    """Who wants to make a move, and the names of their roles."""

    who: Principal
    roles: Set[str]


def verdict(workflow: Workflow, asker: Asker, record: Mapping[str, Any], to: str) -> Verdict:
    """Whether somebody may move a record, as it is now, to another state. Superusers and plugins make any move."""
    if asker.who.is_superuser:
        return "allowed"
    moves = [move for move in workflow.moves if (move.from_, move.to) == (record[workflow.field], to)]
    if not moves:
        return "no such move"
    return "allowed" if any(_is_for(move, asker, record) for move in moves) else "not yours"


def open_moves(workflow: Workflow, asker: Asker, record: Mapping[str, Any]) -> list[str]:
    """The states to which somebody may move a record, in the order of the settings."""
    states = dict.fromkeys(move.to for move in workflow.moves if move.from_ == record[workflow.field])
    return [to for to in states if verdict(workflow, asker, record, to) == "allowed"]


def _is_for(move: Move, asker: Asker, record: Mapping[str, Any]) -> bool:
    if not move.roles and not move.people:
        return True
    if asker.roles & set(move.roles):
        return True
    named: Any = record.get(move.people) if move.people else None
    people = [named] if isinstance(named, str) else (named or [])
    return bool(asker.who.record_id) and asker.who.record_id in people
