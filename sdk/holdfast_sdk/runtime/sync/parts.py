"""What a generated client refers to, under one name."""

# Made of ../aio by `python -m holdfast_sdk.unasync`: change it there.

from functools import cached_property as cached_property

from .accounts import Accounts as Accounts
from .client import BaseBatch as BaseBatch
from .client import BaseClient as BaseClient
from .reading import View as View
from .writing import Table as Table
