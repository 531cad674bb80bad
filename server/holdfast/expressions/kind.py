"""What sort of value stands on one side of a comparison."""

import enum


class Kind(enum.Enum):
    """The sorts of values that the language knows; each field type is one of them."""

    TEXT = "text"
    NUMBER = "number"
    DECIMAL = "decimal"
    BOOL = "bool"
    DATE = "date"
    JSON = "json"
    POINT = "point"
    OPAQUE = "opaque"  # cannot be compared: passwords, vectors
