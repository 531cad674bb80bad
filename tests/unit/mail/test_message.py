"""What a mail may hold, and the form in which it goes out."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import msgspec
import pytest

from holdfast.mail.message import BadMail, Message
from holdfast.mail.mime import envelope, mime
from holdfast.mail.plain_text import plain_text
from holdfast.schema.app_options import Meta

NOW = datetime(2026, 11, 21, 7, 30, tzinfo=UTC)
PLAIN = Message(to="ann@example.com", subject="Hello", html="<p>Hi</p>", id="abc")


def sent(message: Message, sender: Meta = Meta()) -> EmailMessage:  # noqa: B008
    """The mail as its receiver reads it."""
    return cast(EmailMessage, message_from_bytes(mime(message, sender, NOW).as_bytes(), policy=cast(Any, policy.SMTP)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "a\r\nBcc: all@example.com"},
        {"subject": "a\nb"},
        {"subject": "a\x00b"},
        {"subject": "a\u2028b"},
        {"subject": "a" * 999},
        {"to_name": "Ann\r\nX: y"},
        {"id": "a\nb"},
        {"to": "ann@example.com\r\nRCPT TO:<all@example.com>"},
        {"to": "ann@example.com, bob@example.com"},
        {"to": "ann"},
        {"to": "@example.com"},
        {"to": "<ann@example.com>"},
        {"to": ""},
    ],
    ids=str,
)
def test_a_mail_that_would_reach_into_its_headers_is_refused(wrong: dict[str, str]):
    with pytest.raises(BadMail):
        msgspec.structs.replace(PLAIN, **wrong)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(PLAIN) | wrong), type=Message)


def test_a_mail_has_text_and_html_and_says_that_a_program_wrote_it():
    mail = sent(PLAIN, Meta(sender_name="Tom, of Tom & Co", sender_address="tom@example.org"))
    assert mail["From"].addresses[0].display_name == "Tom, of Tom & Co"
    assert mail["From"].addresses[0].addr_spec == "tom@example.org"
    assert mail["Message-ID"] == "<abc@example.org>"
    assert mail["Date"].datetime == NOW
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert cast(Any, mail.get_body(("plain",))).get_content() == "Hi\r\n"


@pytest.mark.parametrize(
    ("to", "name", "wire"),
    [
        ("ann@example.com", "Ann Müller 🎉", "ann@example.com"),
        ("ann@müller.example", "", "ann@xn--mller-kva.example"),
        ("änne@müller.example", "Änne", "änne@xn--mller-kva.example"),
        ("a.n+x'n@example.com", "", "a.n+x'n@example.com"),
    ],
)
def test_letters_of_all_scripts_arrive(to: str, name: str, wire: str):
    message = Message(to=to, to_name=name, subject="Grüße 你好 " + "lang " * 40, html="<p>Καλημέρα</p>")
    assert envelope(to) == wire
    if not to.isascii() and not to.partition("@")[0].isascii():
        return  # written with SMTPUTF8: test_smtp.py sends one
    mail = sent(message)
    assert mail["To"].addresses[0].addr_spec == wire
    assert mail["To"].addresses[0].display_name == name
    assert mail["Subject"] == message.subject
    assert "Καλημέρα" in cast(Any, mail.get_body(("html",))).get_content()


@pytest.mark.parametrize("to", ["ann@-.example", f"ann@{'a' * 64}.example", "a..b@example.com", "ann@a..b"])
def test_an_address_that_no_mail_program_takes_is_refused(to: str):
    with pytest.raises(BadMail):
        message = Message(to=to, subject="a", html="b")
        mime(message, Meta(), NOW)
        envelope(to)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo\n"),
        ("a<br>b<br/>c", "a\nb\nc\n"),
        ('<p><a href="https://x.example/?a=1&amp;b=2">Open</a>.</p>', "Open (https://x.example/?a=1&b=2).\n"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example\n"),
        ('<a href="https://x.example"><img src="y"></a>', "https://x.example\n"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two\n"),
        ("<style>p { }</style><script>x()</script><p>  much\n   space </p>", "much space\n"),
        ("a &lt;b&gt; &amp; c", "a <b> & c\n"),
        ("", "\n"),
        ("<p>open <b>tags", "open tags\n"),
    ],
)
def test_the_text_of_a_mail_is_what_a_person_would_read(html: str, text: str):
    assert plain_text(html) == text
