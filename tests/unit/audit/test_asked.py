"""What can be asked of the audit log, and what cannot."""

import pytest

from holdfast.audit.actions import ACTIONS, AUTH_EVENTS
from holdfast.audit.asked import LISTED, MOST_LISTED, read_asked, read_id
from holdfast.db.sql import Statement, raw
from holdfast.errors import ValidationFailed


def args(query: dict[str, str]) -> list[object]:
    return list(Statement.of(raw("SELECT ") + read_asked(query).where).args())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("collection.updated", ["collection.updated"], id="one"),
        pytest.param("auth.*", sorted(AUTH_EVENTS), id="a sort"),
        pytest.param(
            "role.created, key.*",
            sorted(one for one in ACTIONS if one.startswith("key.") or one == "role.created"),
            id="some",
        ),
    ],
)
def test_actions_are_asked_for_by_name_or_sort(text: str, found: list[str]) -> None:
    assert args({"action": text}) == [found]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        pytest.param({"action": "collection.painted"}, "action", id="an action that there is not"),
        pytest.param({"action": "*"}, "action", id="a star alone"),
        pytest.param({"action": "a*"}, "action", id="a star without a dot"),
        pytest.param({"actor": "x" * 256}, "actor", id="a long text"),
        pytest.param({"from": "yesterday"}, "from", id="no date"),
        pytest.param({"to": "2027-13-01"}, "to", id="no month"),
        pytest.param({"before": "-1"}, "before", id="a negative id"),
        pytest.param({"before": "9" * 30}, "before", id="an id that is too large"),
        pytest.param({"before": "٣"}, "before", id="digits of another script"),
        pytest.param({"limit": "0"}, "limit", id="none at all"),
        pytest.param({"limit": str(MOST_LISTED + 1)}, "limit", id="too many"),
    ],
)
def test_what_cannot_be_asked_is_said_with_its_field(query: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        read_asked(query)
    assert list(refusal.value.data) == [field]


def test_without_a_query_it_is_the_newest_page() -> None:
    assert (args({}), read_asked({}).limit) == ([], LISTED)


@pytest.mark.parametrize("text", ["", "0", "x", "1 ", str(2**63)])
def test_what_is_no_id_names_no_entry(text: str) -> None:
    assert read_id(text) is None
