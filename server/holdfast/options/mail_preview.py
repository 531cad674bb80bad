"""A mail of a collection with made-up contents: shown before it is saved, or sent as a test."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.engine import Engine
from holdfast.errors import Problem, ValidationFailed
from holdfast.mail.later import from_template
from holdfast.mail.message import Message
from holdfast.mail.plain_text import plain_text
from holdfast.schema.auth_options import AuthOptions, auth_options
from holdfast.schema.auth_templates import MailTemplate
from holdfast.schema.collection import Collection
from holdfast.schema.field import EMPTY_MESSAGE

TEMPLATES: Final = ("verification", "password-reset", "email-change", "otp", "login-alert")
MAX_TEMPLATE_CHARS: Final = 200_000
_NOBODY: Final = "somebody@example.com"
_TOO_LONG: Final = Problem("validation_invalid_value", f"Must be a text of at most {MAX_TEMPLATE_CHARS} characters.")


class Preview(msgspec.Struct, frozen=True):
    """A mail as it would go out."""

    subject: str
    html: str
    text: str


def preview(engine: Engine, collection: Collection, given: Mapping[str, Any]) -> Preview:
    """The mail of `given["template"]`, with the subject and body in `given` where they are there. Pure.

    Raises ValidationFailed.
    """
    problems: dict[str, Problem] = {}
    problem = template_problem(given.get("template"))
    if problem is not None:
        problems["template"] = problem
    for key in ("subject", "body"):
        content = given.get(key, "")
        if not isinstance(content, str) or len(content) > MAX_TEMPLATE_CHARS:
            problems[key] = _TOO_LONG
    if problems:
        raise ValidationFailed(problems)
    saved = template_of(auth_options(collection.auth), given["template"])
    template = MailTemplate(given.get("subject", saved.subject), given.get("body", saved.body))
    message = made_up(engine, collection, template, _NOBODY)
    return Preview(message.subject, message.html, plain_text(message.html))


def template_problem(given: object) -> Problem | None:
    """What is wrong with the name of a template."""
    if not given:
        return Problem("validation_required", EMPTY_MESSAGE)
    if given not in TEMPLATES:
        return Problem("validation_in_invalid", f"Must be one of {', '.join(TEMPLATES)}.")
    return None


def template_of(options: AuthOptions, name: str) -> MailTemplate:
    """A template of a collection, by its name."""
    return {
        "verification": options.verification_template,
        "password-reset": options.reset_password_template,
        "email-change": options.confirm_email_change_template,
        "otp": options.otp.email_template,
        "login-alert": options.auth_alert.email_template,
    }[name]


def made_up(engine: Engine, collection: Collection, template: MailTemplate, to: str) -> Message:
    """A mail about nobody."""
    record = {field.name: f"test {field.name}" for field in collection.fields if not field.hidden}
    return from_template(
        engine,
        template,
        to,
        token="test-token",
        otp="123456",
        otp_id="test-otp-id",
        alert_info="A test from /api/settings",
        record=record | {"email": to},
    )
