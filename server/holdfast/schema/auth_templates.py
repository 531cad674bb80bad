"""The mails that a new auth collection sends, until an operator writes others."""

from typing import Final

import msgspec


class MailTemplate(msgspec.Struct, frozen=True, rename="camel"):
    """Subject and HTML body, with placeholders such as {APP_NAME}, {APP_URL}, {TOKEN} and {RECORD:name}."""

    subject: str
    body: str


_GREETING: Final = "<p>Hello,</p>\n"
_CLOSING: Final = "\n<p>{APP_NAME}</p>"


def _link(path: str, words: str) -> str:
    return (
        f'<p><a class="btn" href="{{APP_URL}}/_/#/auth/{path}/{{TOKEN}}" target="_blank" rel="noopener">{words}</a></p>'
    )


VERIFICATION: Final = MailTemplate(
    "Confirm your email address for {APP_NAME}",
    f"{_GREETING}<p>please confirm that this address is yours.</p>\n"
    f"{_link('confirm-verification', 'Confirm')}{_CLOSING}",
)
PASSWORD_RESET: Final = MailTemplate(
    "A new password for {APP_NAME}",
    f"{_GREETING}<p>with this link you choose a new password.</p>\n{_link('confirm-password-reset', 'New password')}\n"
    f"<p>If you did not ask for it, do nothing: your password stays as it is.</p>{_CLOSING}",
)
EMAIL_CHANGE: Final = MailTemplate(
    "Confirm your new email address for {APP_NAME}",
    f"{_GREETING}<p>please confirm your new address.</p>\n{_link('confirm-email-change', 'Confirm')}\n"
    f"<p>If you did not ask for it, do nothing: your address stays as it is.</p>{_CLOSING}",
)
ONE_TIME_PASSWORD: Final = MailTemplate(
    "Your one-time password for {APP_NAME}",
    f"{_GREETING}<p>your one-time password is <strong>{{OTP}}</strong>.</p>\n"
    f"<p>If you did not ask for it, you can ignore this mail.</p>{_CLOSING}",
)
NEW_PLACE: Final = MailTemplate(
    "Someone logged in to {APP_NAME} from a new place",
    f"{_GREETING}<p>there was a login to your account from a place that is new to us:</p>\n<p>{{ALERT_INFO}}</p>\n"
    f"<p>If it was not you, change your password at once: that ends every other login.</p>{_CLOSING}",
)
