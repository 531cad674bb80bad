"""Changes to an account that the person proved to be theirs: through the record service, as any other change."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.auth.account import Account
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import NotFound, PreconditionFailed, Problem, ValidationFailed
from holdfast.identity import Principal
from holdfast.records.write_service import Write, update
from holdfast.rules.facts import Facts
from holdfast.schema.collection import Collection
from holdfast.schema.generator import generate

# The rules of the collection are about what people ask of records; here the server does what a proof entitles to.
SERVER: Final = Principal("superuser", name="auth")
RANDOM_PASSWORD: Final = "[a-zA-Z0-9]{30}"


async def change_account(
    engine: Engine,
    collection: Collection,
    account: Account,
    changes: Mapping[str, Any],
    facts: Facts,
    tx: Transaction | None = None,
) -> None:
    """Change the fields of the account, if it is still as it was read. `facts` are those of the request.

    Raises ValidationFailed for values that the fields do not take, and for a token that was overtaken: two that came
    at once with one link must not both have their way.
    """
    write = Write(
        catalog=engine.catalog,
        collection=collection,
        who=SERVER,
        id=account.id,
        body=changes,
        fields="id",
        versions=(account.version,),
        request=msgspec.structs.replace(facts, who=SERVER, body=changes),
    )
    try:
        await update(engine, write, tx)
    except (NotFound, PreconditionFailed) as overtaken:
        problem = Problem("validation_invalid_token", "The account has changed in the meantime: try again.")
        raise ValidationFailed({"token": problem}) from overtaken


def random_password() -> dict[str, str]:
    """Values for a password that nobody knows, so that none that was set before works."""
    password = generate(RANDOM_PASSWORD)
    return {"password": password, "passwordConfirm": password}
