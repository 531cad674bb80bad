"""The doctor tries the mail server, without sending anything."""

import msgspec
import pytest

from holdfast.config import Settings
from holdfast.doctor import work
from holdfast.schema.app_options import AppOptions, Meta, Smtp
from mail_sink import mail_server

PRODUCTION = Settings(public_url="https://shop.example")


@pytest.mark.parametrize(
    ("changes", "sender", "state", "found"),
    [
        ({}, "shop@shop.example", "ok", "can be used"),
        ({}, "support@example.com", "warning", "the sender is support@example.com"),
        ({"password": "wrong"}, "shop@shop.example", "broken", "535"),
        ({"port": 1}, "shop@shop.example", "broken", "connecting"),
        ({"host": "nowhere.invalid"}, "shop@shop.example", "broken", "nowhere.invalid"),
    ],
    ids=["well", "example", "password", "port", "host"],
)
async def test_a_mail_server_that_cannot_be_used_is_said(
    changes: dict[str, object], sender: str, state: str, found: str
):
    with mail_server(login=("ann", "secret")) as box:
        smtp = msgspec.convert(box.options | changes, Smtp)
        finding = await work.mail(AppOptions(meta=Meta(sender_address=sender), smtp=smtp), PRODUCTION)
    assert (finding.about, finding.state) == ("mail", state)
    assert found in finding.found.lower()
    assert (finding.advice == "") == (state == "ok")
    assert box.tried == []
