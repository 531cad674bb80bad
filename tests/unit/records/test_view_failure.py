"""What is said of a view whose query fails."""

import asyncpg
import pytest

from holdfast.errors import BadRequest
from holdfast.identity import GUEST
from holdfast.records.view_failure import naming_the_view
from holdfast.schema.collection import Collection

VIEW = Collection(id="v", name="totals", type="view")


def test_a_view_that_takes_too_long_is_named():
    with pytest.raises(BadRequest, match="Reading the view totals takes longer"), naming_the_view(VIEW, GUEST):
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")


@pytest.mark.parametrize("failure", [asyncpg.UndefinedColumnError, asyncpg.DeadlockDetectedError, OSError])
def test_what_the_data_has_no_part_in_goes_on_as_it_is(failure: type[Exception]):
    with pytest.raises(failure), naming_the_view(VIEW, GUEST):
        raise failure("something else")
