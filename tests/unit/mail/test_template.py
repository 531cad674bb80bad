"""How the placeholders of a template are filled in."""

import pytest

from holdfast.mail.template import Filling, render
from holdfast.schema.auth_templates import MailTemplate

FILLING = Filling(
    app_name="Tom & Co",
    app_url="https://app.example.com",
    token="eyJ.a.b",
    otp="123456",
    otp_id="o1",
    alert_info='<img src="x">',
    record={"name": "Ann <b>", "city": "", "token": "{TOKEN}"},
)


@pytest.mark.parametrize(
    ("text", "body", "subject"),
    [
        ("{APP_NAME}", "Tom &amp; Co", "Tom & Co"),
        ("{APP_URL}/x/{TOKEN}", "https://app.example.com/x/eyJ.a.b", "https://app.example.com/x/eyJ.a.b"),
        ("{OTP} {OTP_ID}", "123456 o1", "123456 o1"),
        ("{ALERT_INFO}", "&lt;img src=&quot;x&quot;&gt;", '<img src="x">'),
        ("Hi {RECORD:name}!", "Hi Ann &lt;b&gt;!", "Hi Ann <b>!"),
        ("[{RECORD:city}]", "[]", "[]"),
        ("{RECORD:token}", "{TOKEN}", "{TOKEN}"),
        ("{RECORD:password} {UNKNOWN} {}", "{RECORD:password} {UNKNOWN} {}", "{RECORD:password} {UNKNOWN} {}"),
        ("{app_name} {{OTP}}", "{app_name} {123456}", "{app_name} {123456}"),
    ],
    ids=["escaped", "link", "one-time", "alert", "record", "empty", "not-twice", "unknown", "braces"],
)
def test_placeholders_are_filled_in_once_and_escaped_in_the_body_alone(text: str, body: str, subject: str):
    rendered = render(MailTemplate(text, text), FILLING)
    assert rendered.html == body
    assert rendered.subject == subject


def test_what_a_mail_has_not_keeps_its_placeholder():
    bare = Filling(app_name="a", app_url="b")
    assert render(MailTemplate("{OTP}", "{TOKEN}{ALERT_INFO}"), bare).html == "{TOKEN}{ALERT_INFO}"


def test_a_name_with_line_breaks_cannot_begin_a_new_header():
    hostile = Filling(app_name="a", app_url="b", record={"name": "x\r\nBcc: all@example.com\u2028y"})
    assert render(MailTemplate("Hi {RECORD:name}", "b"), hostile).subject == "Hi x Bcc: all@example.com y"
