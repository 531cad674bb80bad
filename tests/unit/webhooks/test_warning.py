"""What superusers are told while a webhook fails."""

import pytest

from holdfast.webhooks.circuit import DAY, DISABLED_AFTER
from holdfast.webhooks.endpoint import Endpoint, EndpointDraft
from holdfast.webhooks.telling import letter
from holdfast.webhooks.warning import HAPPENED, sentences, spoken

HOUR = DAY / 24
ENDPOINT = Endpoint(
    id="w1", draft=EndpointDraft(url="https://example.com/hook", description="the <shop>\r\nBcc: x@y.z")
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "less than an hour"),
        (HOUR, "1 hour"),
        (DAY, "1 day"),
        (2.5 * DAY, "2 days and 12 hours"),
        (DISABLED_AFTER, "5 days"),
    ],
)
def test_a_time_is_told_in_days_and_hours(seconds: float, words: str):
    assert spoken(seconds) == words


def test_the_mail_says_since_when_and_until_when():
    first, second = sentences(ENDPOINT, 4 * DAY)
    assert "for 4 days" in first and "in 1 day." in first
    assert "/api/webhooks/w1/deliveries" in second


def test_what_somebody_has_called_it_is_text_and_nothing_else():
    made = letter(ENDPOINT, "root@example.com", "Acme\r\nBcc: x@y.z", HAPPENED, sentences(ENDPOINT, DAY))
    assert "<shop>" not in made.html and "&lt;shop&gt;" in made.html
    assert "\n" not in made.subject and "\r" not in made.subject
