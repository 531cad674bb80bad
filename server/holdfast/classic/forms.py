"""What an operator does by a form of Piccolo Admin: invite, rotate a key, send a webhook again, import."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal

from piccolo_admin.endpoints import FormConfig
from pydantic import BaseModel, Field
from starlette.requests import Request

from holdfast.audit.author import Author
from holdfast.auth.account import auth_collection
from holdfast.auth.changing import random_password
from holdfast.auth.key_service import rotate_key
from holdfast.auth.letters import ask_by_email
from holdfast.classic.crud import FormProblem
from holdfast.engine import Engine
from holdfast.errors import ApiError
from holdfast.events.context import context_of
from holdfast.http.litestar import SCOPE_ENGINE, SCOPE_REQUEST
from holdfast.mail.later import require_mail
from holdfast.records.write import Write
from holdfast.records.write_service import create
from holdfast.rules.facts import Facts
from holdfast.transfer.asked import read_asked
from holdfast.transfer.importing import import_records
from holdfast.transfer.job import make_job
from holdfast.webhooks.delivery_service import retry_delivery

Work = Callable[[Engine, Any, Any], Awaitable[str]]


class Invite(BaseModel):
    """Somebody who gets an account, and a mail with a link to choose a password."""

    collection: str = Field(default="users", description="An auth collection")
    email: str = Field(default="")


class Rotate(BaseModel):
    """An API key that gets another secret."""

    key_id: str = Field(default="", description="The id of the key, from holdfast.keys")
    overlap_seconds: int = Field(default=86_400, description="For how long the old secret is still good")


class Resend(BaseModel):
    """A delivery that is sent again."""

    webhook_id: str = Field(default="")
    delivery_id: str = Field(default="", description="From holdfast.deliveries")


class Import(BaseModel):
    """Records from a text of CSV."""

    collection: str = Field(default="")
    csv: str = Field(default="", json_schema_extra={"extra": {"widget": "text-area"}})
    mode: Literal["insert", "update", "upsert", "skip"] = Field(default="insert")
    dry_run: bool = Field(default=True, description="Only say what would come of it")


async def invite(engine: Engine, ours: Any, asked: Invite) -> str:
    """Make an account, and mail its owner the way in."""
    collection = auth_collection(engine.catalog, asked.collection)
    require_mail(engine)
    body = {"email": asked.email.strip(), **random_password()}
    write = Write(
        catalog=engine.catalog,
        collection=collection,
        who=ours.principal,
        body=body,
        fields="id",
        request=Facts.of(ours, body),
    )
    made = await create(engine, write)
    await ask_by_email(engine, collection, "passwordReset", asked.email.strip())
    return f"Invited {asked.email.strip()} as {made.id}."


async def rotate(engine: Engine, ours: Any, asked: Rotate) -> str:
    """Give a key another secret, which is shown this once."""
    body = {"overlapSeconds": asked.overlap_seconds}
    found = await rotate_key(engine, Author.of(ours), asked.key_id.strip(), body)
    return f"The new secret, shown this once: {found['key']}"


async def resend(engine: Engine, ours: Any, asked: Resend) -> str:
    """Have a delivery sent again at once."""
    await retry_delivery(engine, Author.of(ours), asked.webhook_id.strip(), asked.delivery_id.strip())
    return "It is sent again."


async def import_csv(engine: Engine, ours: Any, asked: Import) -> str:
    """Import records, or say what would come of it."""
    collection = engine.catalog.get(asked.collection.strip())
    text = asked.csv.encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield text

    told = read_asked({"mode": asked.mode, "dryRun": "true" if asked.dry_run else "false"}, "text/csv")
    context = context_of(ours.principal, ours.id, 0, ours.client if collection.is_auth else "")
    job = make_job(engine, collection, Facts.of(ours), context, told, len(text))
    report = (await import_records(engine, job, pieces())).report
    counts = f"{report.read} read, {report.inserted} inserted, {report.updated} updated, {report.skipped} skipped"
    first = f" First: line {report.errors[0].line}, {report.errors[0].message}" if report.errors else ""
    return f"{'Would be: ' if asked.dry_run else ''}{counts}, {report.failed} failed.{first}"


def _form(name: str, model: type[BaseModel], about: str, work: Work) -> FormConfig:
    async def endpoint(request: Request, data: Any) -> str:
        try:
            return await work(request.scope[SCOPE_ENGINE], request.scope[SCOPE_REQUEST], data)
        except ApiError as failure:
            raise FormProblem.of(failure) from failure

    return FormConfig(name=name, pydantic_model=model, endpoint=endpoint, description=about, form_group="Operate")


FORMS: Final = (
    _form("Invite a user", Invite, "Makes an account and mails its owner a link to choose a password.", invite),
    _form("Rotate an API key", Rotate, "Gives a key another secret. The old one is good for a while.", rotate),
    _form("Send a webhook again", Resend, "Sends a delivery again at once.", resend),
    _form("Import CSV", Import, "Imports records as the API does, with its checks and its report.", import_csv),
)
