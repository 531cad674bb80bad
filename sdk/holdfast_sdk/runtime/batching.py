"""What the collections of a generated batch refer to, under one name."""

from functools import cached_property as cached_property

from .batches import BatchTable as BatchTable
from .batches import Plan as Plan
