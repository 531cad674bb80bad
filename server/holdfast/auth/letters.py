"""Mails of the auth flows are asked for here, and written and sent by a job: see letter_job.py.

A request does no more than promise the job, whether or not there is such an account: so neither its answer nor its
time tells, and a mail that was promised is not lost when the process ends.
"""

import hashlib
from typing import Final, Literal, TypeAlias

import msgspec

from holdfast.auth.sessions import Origin
from holdfast.db.failures import as_api_errors
from holdfast.engine import Engine
from holdfast.jobs.enqueue import enqueue
from holdfast.schema.collection import Collection

JOB: Final = "auth.mail"
LinkSort: TypeAlias = Literal["verification", "passwordReset"]
LetterSort: TypeAlias = Literal["verification", "passwordReset", "emailChange", "otp", "alert"]


class Letter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mail that somebody asked for. No token and no password stands in it: those are made when it is written.

    The account is named by `email`, as somebody typed it, or by `record_id`. `otp_id` is what the one-time password
    is to be known by, `address`, `agent` and `time` (seconds since 1970) are of a login from a new place.
    """

    sort: LetterSort
    collection_id: str
    email: str = ""
    record_id: str = ""
    new_email: str = ""
    otp_id: str = ""
    address: str = ""
    agent: str = ""
    time: int = 0


async def ask_by_email(engine: Engine, collection: Collection, sort: LetterSort, email: str, otp_id: str = "") -> None:
    """Have a mail sent to the account with this email, if there is one. Asked for twice in a row, it comes once."""
    letter = Letter(sort=sort, collection_id=collection.id, email=email, otp_id=otp_id)
    # Each one-time password has an id of its own, so none stands for another.
    named = f"{collection.id} {sort} {email.casefold()} {otp_id}"
    await _promise(engine, letter, hashlib.sha256(named.encode()).hexdigest())


async def ask_email_change(engine: Engine, collection: Collection, record_id: str, new_email: str) -> None:
    """Have the mail sent to the new address that a record is to get."""
    letter = Letter(sort="emailChange", collection_id=collection.id, record_id=record_id, new_email=new_email)
    await _promise(engine, letter, f"{collection.id} emailChange {record_id}")


async def ask_alert(engine: Engine, collection: Collection, record_id: str, origin: Origin, time: int) -> None:
    """Have the owner told of a login from a place that is new."""
    letter = Letter(
        sort="alert",
        collection_id=collection.id,
        record_id=record_id,
        address=origin.address,
        agent=origin.agent,
        time=time,
    )
    await _promise(engine, letter, None)


async def _promise(engine: Engine, letter: Letter, key: str | None) -> None:
    with as_api_errors():
        await enqueue(engine.pool, JOB, letter, key=key)
