"""The job that writes the mails of the auth flows, to those accounts that are there and may be sent one."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from holdfast.auth.account import NOBODY, Account, account_by_id
from holdfast.auth.answer import read_own
from holdfast.auth.identity_field import find_by_email
from holdfast.auth.letter_limit import is_due
from holdfast.auth.letters import JOB, Letter, LinkSort
from holdfast.auth.link_token import make_link_token
from holdfast.auth.otp import keep_otp
from holdfast.engine import Engine
from holdfast.jobs.job import GiveUp, Job, JobKind
from holdfast.mail.later import from_template, send_later
from holdfast.mail.message import BadMail, Message
from holdfast.passwords import hash_password
from holdfast.records.document import read_shape
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection

DIGITS: Final = "0123456789"


async def write_letter(engine: Engine, job: Job) -> None:
    """Write one mail and promise it to be sent, both or neither. For an account that is not there nothing happens."""
    letter = msgspec.json.decode(job.payload, type=Letter)
    collection = engine.catalog.by_id.get(letter.collection_id)
    if collection is None or not collection.is_auth:
        return
    account = await _account(engine, collection, letter)
    if not account.id or not account.email:
        return
    try:
        await _write(engine, collection, account, letter)
    except BadMail as failure:
        raise GiveUp(str(failure)) from failure


LETTERS: Final = JobKind(name=JOB, run=write_letter)


async def _account(engine: Engine, collection: Collection, letter: Letter) -> Account:
    if letter.record_id:
        return await account_by_id(engine, collection, letter.record_id) or NOBODY
    return await find_by_email(engine, collection, letter.email)


async def _write(engine: Engine, collection: Collection, account: Account, letter: Letter) -> None:
    match letter.sort:
        case "verification":
            if not account.verified:
                await _send_link(engine, collection, account, "verification")
        case "passwordReset":
            await _send_link(engine, collection, account, "passwordReset")
        case "emailChange":
            await _send_email_change(engine, collection, account, letter)
        case "otp":
            await _send_otp(engine, collection, account, letter)
        case "alert":
            await _send_alert(engine, collection, account, letter)


async def _send_link(engine: Engine, collection: Collection, account: Account, sort: LinkSort) -> None:
    options = auth_options(collection.auth)
    template = options.verification_template if sort == "verification" else options.reset_password_template
    message = from_template(
        engine,
        template,
        account.email,
        token=make_link_token(collection, account, sort),
        record=await _fields(engine, collection, account),
    )
    async with engine.pool.transaction() as tx:
        if await is_due(tx, collection, account, sort):
            await send_later(engine, message, tx)


async def _send_email_change(engine: Engine, collection: Collection, account: Account, letter: Letter) -> None:
    token = make_link_token(collection, account, "emailChange", new_email=letter.new_email)
    template = auth_options(collection.auth).confirm_email_change_template
    fields = await _fields(engine, collection, account)
    await send_later(engine, from_template(engine, template, letter.new_email, token=token, record=fields))


async def _send_otp(engine: Engine, collection: Collection, account: Account, letter: Letter) -> None:
    options = auth_options(collection.auth).otp
    password = "".join(secrets.choice(DIGITS) for _ in range(options.length))
    hashed = await hash_password(password)
    message = from_template(
        engine,
        options.email_template,
        account.email,
        otp=password,
        otp_id=letter.otp_id,
        record=await _fields(engine, collection, account),
    )
    async with engine.pool.transaction() as tx:
        if await keep_otp(tx, collection, account, letter.otp_id, hashed):
            await send_later(engine, message, tx)


async def _send_alert(engine: Engine, collection: Collection, account: Account, letter: Letter) -> None:
    message: Message = from_template(
        engine,
        auth_options(collection.auth).auth_alert.email_template,
        account.email,
        alert_info=alert_info(letter),
        record=await _fields(engine, collection, account),
    )
    await send_later(engine, message)


def alert_info(letter: Letter) -> str:
    """A login from a new place, in words: when, from where, with what."""
    when = datetime.fromtimestamp(letter.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return ", ".join(part for part in (when, letter.address, letter.agent) if part)


async def _fields(engine: Engine, collection: Collection, account: Account) -> Mapping[str, str]:
    """What the person may see of the own record, as text."""
    found = msgspec.json.decode(await read_own(engine, collection, account.id, read_shape("", "")), type=dict[str, Any])
    return {key: _text(content) for key, content in found.items()}


def _text(content: object) -> str:
    if content is None:
        return ""
    return content if isinstance(content, str) else msgspec.json.encode(content).decode()
