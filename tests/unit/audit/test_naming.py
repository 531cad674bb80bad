"""What people are called: by what may be shown of their accounts, and by nothing else."""

from typing import Any, cast

import pytest

from holdfast.audit.naming import names_of
from holdfast.db.pool import Pool
from holdfast.db.sql import Statement
from holdfast.schema.collection import Collection
from holdfast.schema.email import EmailField
from holdfast.schema.field import Field
from holdfast.schema.number import NumberField
from holdfast.schema.password import PasswordField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField


class Asked:
    """A pool that keeps what it is asked, and finds nothing."""

    def __init__(self) -> None:
        self.text = ""

    async def fetch(self, statement: Statement) -> list[Any]:
        self.text = statement.text
        return []


@pytest.mark.parametrize(
    ("field", "is_shown"),
    [
        (TextField(id="f2", name="name"), True),
        (NumberField(id="f2", name="name"), False),
        (PasswordField(id="f2", name="name"), False),
    ],
)
async def test_an_account_without_an_address_is_called_by_its_name_if_that_can_be_read(field: Field, is_shown: bool):
    email = EmailField(id="f1", name="email")
    people = Collection(id="c1", name="people", type="auth", fields=(id_field(), email, field))
    pool = Asked()
    assert await names_of(cast(Pool, pool), [people], [("people", "a1"), ("gone", "a2")]) == {}
    assert 'account."email"' in pool.text
    assert ('account."name"' in pool.text) is is_shown
