"""What stands in an account's record once it is nobody's is what its fields take."""

from typing import Any

import pytest

from holdfast.accounts.blanks import Blank, blanks
from holdfast.schema.collection import Collection
from holdfast.schema.editor import EditorField
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field
from holdfast.schema.number import NumberField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField
from holdfast.schema.url import UrlField

ID = "4f8kz1a9x0d2c7m"


def blank(kind: type[Field], **options: Any) -> Blank:
    """What comes of one required field."""
    given: dict[str, Any] = {"id": "f1", "name": "one", "required": True, **options}
    field = kind(**given)
    [found] = blanks(Collection(id="c1", name="people", type="auth", fields=(id_field(), field)), ID)
    return found


@pytest.mark.parametrize(
    ("kind", "options", "to"),
    [
        pytest.param(EmailField, {}, f"{ID}@anonymous.invalid", id="an address"),
        pytest.param(UrlField, {}, f"https://anonymous.invalid/{ID}", id="a link"),
        pytest.param(TextField, {}, f"anonymous {ID}", id="a text"),
        pytest.param(TextField, {"max": 20}, ID, id="a short text"),
        pytest.param(TextField, {"pattern": "^[a-z0-9]+$"}, ID, id="a text with a pattern"),
        pytest.param(TextField, {"pattern": "^[a-z]+ "}, f"anonymous {ID}", id="a text with a pattern of words"),
        pytest.param(EditorField, {"max_size": 20}, ID, id="a short page"),
    ],
)
def test_a_required_field_gets_what_it_takes(kind: type[Field], options: dict[str, Any], to: str):
    assert blank(kind, **options) == Blank("one", kind.type, blank=True, to=to)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        pytest.param(EmailField, {"only_domains": ("example.com",)}, id="an address of a domain"),
        pytest.param(UrlField, {"only_domains": ("example.com",)}, id="a link to a domain"),
        pytest.param(TextField, {"max": 10}, id="a text too short for an id"),
        pytest.param(TextField, {"min": 100}, id="a long text"),
        pytest.param(TextField, {"pattern": "^[A-Z]{3}$"}, id="a pattern that no id has"),
        pytest.param(EditorField, {"max_size": 10}, id="a page too short for an id"),
        pytest.param(NumberField, {}, id="a number"),
    ],
)
def test_of_a_required_field_that_takes_nothing_of_the_kind_it_is_said_why(kind: type[Field], options: dict[str, Any]):
    found = blank(kind, **options)
    assert (found.blank, found.to, found.why != "") == (False, None, True)
