"""The use cases of the operator's options: a change is one transaction, and known to every process when it returns."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.audit.author import Author
from holdfast.audit.entry import Entry, Target, changed
from holdfast.audit.write import write
from holdfast.catalog import store
from holdfast.catalog.snapshot import Catalog
from holdfast.collections.change import lock, retried, settle
from holdfast.db.pool import Transaction
from holdfast.engine import Engine
from holdfast.errors import BadRequest, NotFound, Problem, Unavailable, ValidationFailed
from holdfast.mail.later import require_mail
from holdfast.mail.message import Message
from holdfast.mail.sending import send_now
from holdfast.mail.smtp import MailFailed
from holdfast.options.mail_preview import made_up, template_of, template_problem
from holdfast.options.reading import read_options
from holdfast.schema.app_options import AppOptions, in_effect, trusted_proxy
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.email import is_email
from holdfast.schema.field import EMPTY_MESSAGE
from holdfast.schema.system import SUPERUSERS

FILESYSTEMS: Final = ("storage", "backups")
PATIENCE_SECONDS: Final = 30.0  # for the mail server, when a test mail is sent
_REQUIRED: Final = Problem("validation_required", EMPTY_MESSAGE)


def shown(engine: Engine) -> dict[str, Any]:
    """The options as a superuser may see them: what is in effect, without secrets."""
    return as_shown(in_effect(engine.catalog.options, engine.settings)) | {
        "trustedProxy": msgspec.to_builtins(trusted_proxy(engine.settings))
    }


def as_shown(options: AppOptions) -> dict[str, Any]:
    """Options without their secrets. Pure."""
    found: dict[str, Any] = msgspec.to_builtins(options)
    del found["smtp"]["password"]
    del found["s3"]["secret"]
    del found["backups"]["s3"]["secret"]
    return found


async def change_options(engine: Engine, author: Author, given: Mapping[str, Any]) -> None:
    """Change what is given and leave the rest. Raises ValidationFailed with everything that is wrong."""

    async def work(tx: Transaction) -> Catalog:
        await lock(tx, engine.settings)
        now = await store.load(tx.connection)
        options = read_options(given, now.options, engine.settings, now.collections)
        if options == now.options:
            return now
        await store.write_options(tx, options)
        await write(tx, author, _entry(now.options, options))
        return await store.moved_on(tx)

    await settle(engine, await retried(engine.pool, engine.settings, work))


def _entry(was: AppOptions, now: AppOptions) -> Entry:
    before, after = changed(as_shown(was), as_shown(now))
    secrets = {
        "smtp.password": was.smtp.password != now.smtp.password,
        "s3.secret": was.s3.secret != now.s3.secret,
        "backups.s3.secret": was.backups.s3.secret != now.backups.s3.secret,
    }
    for secret in [name for name, is_changed in secrets.items() if is_changed]:
        before, after = {**before, secret: "hidden"}, {**after, secret: "changed"}
    return Entry(action="settings.updated", target=Target("settings"), before=before, after=after)


async def send_test(engine: Engine, given: Mapping[str, Any]) -> None:
    """Send one of a collection's mails to an address, with made-up contents, and wait for the mail server.

    Raises ValidationFailed, and BadRequest with the mail server's words when the mail does not go out.
    """
    message = _test_message(engine, given)
    require_mail(engine)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await send_now(engine, message)
    except MailFailed as failure:
        raise BadRequest(f"The mail did not go out: {str(failure).rstrip('.')}.") from failure
    except TimeoutError as failure:
        raise BadRequest(f"The mail did not go out within {PATIENCE_SECONDS:g} s.") from failure


async def test_s3(engine: Engine, given: Mapping[str, Any]) -> None:
    """Write, read and delete a small object where files, or backups, are kept.

    Raises ValidationFailed, and BadRequest with the reason when one of the three cannot be done.
    """
    filesystem = given.get("filesystem")
    if not filesystem:
        raise ValidationFailed({"filesystem": _REQUIRED})
    if filesystem not in FILESYSTEMS:
        raise ValidationFailed({"filesystem": Problem("validation_in_invalid", f"Must be {' or '.join(FILESYSTEMS)}.")})
    is_backups, options = filesystem == "backups", engine.options
    if not (options.backups.s3.enabled if is_backups else options.s3.enabled or engine.settings.storage_url):
        what = "Backups" if is_backups else "Files"
        raise BadRequest(f"{what} are kept on the disk of the server: there is no bucket to be tested.")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await (engine.backups if is_backups else engine.storage).probe()
    except Unavailable as failure:
        cause = str(failure.__cause__ or failure).partition("\n")[0][:500]
        raise BadRequest(f"The bucket cannot be used: {cause.rstrip('.')}.") from failure
    except TimeoutError as failure:
        raise BadRequest(f"The bucket does not answer within {PATIENCE_SECONDS:g} s.") from failure


def _test_message(engine: Engine, given: Mapping[str, Any]) -> Message:
    problems: dict[str, Problem] = {}
    email, name = given.get("email"), given.get("template")
    if not email:
        problems["email"] = _REQUIRED
    elif not isinstance(email, str) or not is_email(email):
        problems["email"] = Problem("validation_is_email", "Must be an email address.")
    unknown = template_problem(name)
    if unknown is not None:
        problems["template"] = unknown
    collection = _auth_collection(engine, given.get("collection"))
    if collection is None:
        problems["collection"] = Problem(
            "validation_invalid_auth_collection", "Must be the name of an auth collection."
        )
    if problems or collection is None:
        raise ValidationFailed(problems)
    template = template_of(auth_options(collection.auth), str(name))
    return made_up(engine, collection, template, str(email))


def _auth_collection(engine: Engine, given: object) -> Collection | None:
    if not isinstance(given, str | None):
        return None
    try:
        collection = engine.catalog.get(given or SUPERUSERS)
    except NotFound:
        return None
    return collection if collection.is_auth else None
