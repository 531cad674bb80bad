"""What a generated client refers to, under one name."""

from functools import cached_property as cached_property

from .accounts import AsyncAccounts as AsyncAccounts
from .client import AsyncBaseBatch as AsyncBaseBatch
from .client import AsyncBaseClient as AsyncBaseClient
from .reading import AsyncView as AsyncView
from .writing import AsyncTable as AsyncTable
