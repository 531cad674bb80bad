"""What an operator sets: the states that records go through, and who may move them."""

import msgspec


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A move from one state to another.

    It is for whoever has one of the `roles`, and for the people whom the relation field `people` of the record names;
    for everybody who may update the record where neither is set.
    """

    from_: str
    to: str
    roles: tuple[str, ...] = ()
    people: str = ""


class Workflow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The states of one collection: the values of its select field `field`. New records are in `initial`."""

    collection: str
    initial: str
    field: str = "state"
    moves: tuple[Move, ...] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The workflows, one for a collection."""

    workflows: tuple[Workflow, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for two of one collection, and for moves that lead nowhere."""
        names = [one.collection for one in self.workflows]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"there are two workflows for {twice[0]}")
        for one in self.workflows:
            same = [move.to for move in one.moves if move.from_ == move.to]
            if same:
                raise ValueError(f"a move of {one.collection} leads from {same[0]} to itself")

    def of(self, collection: str) -> Workflow | None:
        """The workflow of a collection."""
        return next((one for one in self.workflows if one.collection == collection), None)
