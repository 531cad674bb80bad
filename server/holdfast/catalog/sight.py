"""What is seen of the rows and fields that a filter, a sort or a rule speaks of."""

from collections.abc import Callable
from typing import Final, TypeAlias

from holdfast.db.sql import Sql
from holdfast.expressions.value import ALWAYS
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field

Knows: TypeAlias = Callable[[Collection, Field], bool]
"""Whether a field has a name at all. One that has none is like one that is not there."""


class Sight:
    """Sees everything: so it is for rules and for superusers. What others see is decided in rules/sight.py.

    Conditions are about the row under an alias; `is ALWAYS` means that nothing holds it back.
    """

    def knows(self, collection: Collection, field: Field) -> bool:
        """Whether the field can be named."""
        return True

    def is_open(self, collection: Collection) -> bool:
        """Whether a path that enters the collection sees all of its rows."""
        return True

    def gate(self, collection: Collection, alias: Sql) -> Sql:
        """The condition for a path that enters the collection to see the row."""
        return ALWAYS

    def shows(self, collection: Collection, field: Field, alias: Sql) -> Sql:
        """The condition for the field to be readable in a row that is seen; elsewhere it is null."""
        return ALWAYS

    def shows_email(self, collection: Collection, alias: Sql) -> Sql:
        """The condition for the email of an auth record to be shown; elsewhere it is `''`."""
        return ALWAYS


EVERYTHING_SEEN: Final = Sight()
