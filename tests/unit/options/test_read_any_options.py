"""Whatever is sent to /api/settings, it is read or refused, and never a fault."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from holdfast.config import Settings
from holdfast.errors import ValidationFailed
from holdfast.options.reading import read_options
from holdfast.schema.app_options import AppOptions

SECTIONS = {
    "meta": ("appName", "appURL", "senderName", "senderAddress", "hideControls", "x"),
    "smtp": ("enabled", "port", "host", "username", "password", "authMethod", "tls", "localName"),
    "rateLimits": ("rules", "excludedIPs", "enabled"),
    "batch": ("enabled", "maxRequests", "timeout", "maxBodySize"),
    "trustedProxy": ("headers", "useLeftmostIP"),
    "logs": ("maxDays",),
}
TEXTS = st.sampled_from(
    ["", "a", "http://[", "https://x.example:0/", "::1", "10.0.0.0/8", "*:auth", "a@b.cd", "PLAIN", "\ud800", "\0"]
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.text(max_size=20)
RULES = st.lists(st.dictionaries(st.sampled_from(("label", "audience", "duration", "maxRequests")), PLAIN) | PLAIN)
VALUES = PLAIN | RULES | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXTS, PLAIN, max_size=2)
BODIES = st.fixed_dictionaries(
    {},
    optional={name: st.dictionaries(st.sampled_from(keys), VALUES) | VALUES for name, keys in SECTIONS.items()},
)


@given(BODIES)
def test_any_body_is_read_or_refused(body: dict[str, Any]):
    try:
        found = read_options(body, AppOptions(), Settings(), ())
    except ValidationFailed as failure:
        assert failure.data
        return
    # What was taken can be stored and read again.
    assert msgspec.json.decode(msgspec.json.encode(found), type=AppOptions) == found
