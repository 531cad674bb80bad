"""How a template of a collection becomes a mail: its placeholders are filled in."""

import html
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from holdfast.mail.message import on_one_line
from holdfast.schema.auth_templates import MailTemplate

_PLACEHOLDER: Final = re.compile(r"\{(APP_NAME|APP_URL|TOKEN|OTP_ID|OTP|ALERT_INFO|RECORD:\w+)\}")
_RECORD: Final = "RECORD:"


class Filling(msgspec.Struct, frozen=True, kw_only=True):
    """What stands for the placeholders; of what is None the placeholder stays.

    `record` holds the fields that the person may see, `{RECORD:name}`: no hidden ones.
    """

    app_name: str
    app_url: str
    token: str | None = None
    otp: str | None = None
    otp_id: str | None = None
    alert_info: str | None = None
    record: Mapping[str, str] = {}

    def of(self, placeholder: str) -> str | None:
        """What stands for a placeholder, without its braces."""
        if placeholder.startswith(_RECORD):
            return self.record.get(placeholder.removeprefix(_RECORD))
        return getattr(self, placeholder.lower())


class Rendered(msgspec.Struct, frozen=True):
    """A template with everything filled in."""

    subject: str
    html: str


def render(template: MailTemplate, filling: Filling) -> Rendered:
    """Fill in a template, in one pass: a value that looks like a placeholder is a text like any other.

    In the body values are escaped, so that a name cannot bring its own link; the subject becomes one line.
    """
    return Rendered(
        subject=on_one_line(_fill(template.subject, filling, escape=False)),
        html=_fill(template.body, filling, escape=True),
    )


def _fill(text: str, filling: Filling, *, escape: bool) -> str:
    def value(found: re.Match[str]) -> str:
        content = filling.of(found[1])
        if content is None:
            return found[0]
        return html.escape(content) if escape else content

    return _PLACEHOLDER.sub(value, text)
