"""The engine of an application that runs in the test's own process."""

from client import Api
from holdfast.engine import Engine


def engine_of(api: Api) -> Engine:
    """Its engine, for what has no route."""
    engine = api.front._engine
    assert engine is not None
    return engine
