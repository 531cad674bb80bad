"""The client secret that Apple wants of those who log people in with it: a token signed with a key of theirs."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.errors import Problem, ValidationFailed
from holdfast.schema.field import EMPTY_MESSAGE
from holdfast.schema.options import INVALID

AUDIENCE: Final = "https://appleid.apple.com"
ID_CHARS: Final = 10  # of a team's id and of a key's
MAX_SECONDS: Final = 15_777_000  # Apple takes no secret that is good for longer: six months
MAX_CLIENT_ID_CHARS: Final = 255
MAX_KEY_CHARS: Final = 10_000
_REQUIRED: Final = Problem("validation_required", EMPTY_MESSAGE)
_WRONG_KIND: Final = Problem(INVALID, "Must be a text.")
_NO_KEY: Final = Problem(
    "validation_match_invalid", "Must be the text of Apple's .p8 file: a P-256 private key in PEM."
)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a secret is made of. `duration` is in seconds, `private_key` a PEM."""

    client_id: str
    team_id: str
    key_id: str
    private_key: str
    duration: int


def client_secret(given: Mapping[str, Any], now: float) -> str:
    """The secret, good from `now` (in seconds) on. Nothing of the key is kept. Raises ValidationFailed."""
    asked = read(given)
    # Both are here already, for the tokens of logins; cryptography comes with joserfc.
    from cryptography.exceptions import UnsupportedAlgorithm
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey

    start = int(now)
    claims = {
        "iss": asked.team_id,
        "sub": asked.client_id,
        "aud": AUDIENCE,
        "iat": start,
        "exp": start + asked.duration,
    }
    try:
        key = ECKey.import_key(asked.private_key)
        return jwt.encode({"alg": "ES256", "kid": asked.key_id}, claims, key, algorithms=["ES256"])
    except (JoseError, UnsupportedAlgorithm, LookupError, TypeError, ValueError) as failure:
        raise ValidationFailed({"privateKey": _NO_KEY}) from failure


def read(given: Mapping[str, Any]) -> Asked:
    """What is asked for, except that the key may still be none. Raises ValidationFailed with all that is wrong."""
    problems = {
        "clientId": _text(given.get("clientId"), 1, MAX_CLIENT_ID_CHARS),
        "teamId": _text(given.get("teamId"), ID_CHARS, ID_CHARS),
        "keyId": _text(given.get("keyId"), ID_CHARS, ID_CHARS),
        "privateKey": _key(given.get("privateKey")),
        "duration": _duration(given.get("duration")),
    }
    found = {name: problem for name, problem in problems.items() if problem is not None}
    if found:
        raise ValidationFailed(found)
    return Asked(
        client_id=given["clientId"],
        team_id=given["teamId"],
        key_id=given["keyId"],
        private_key=given["privateKey"],
        duration=int(given["duration"]),
    )


def _text(content: object, least: int, most: int) -> Problem | None:
    if content is None or content == "":
        return _REQUIRED
    if not isinstance(content, str):
        return _WRONG_KIND
    if least <= len(content) <= most:
        return None
    if least == most:
        return Problem("validation_length_invalid", f"Must have exactly {most} characters.")
    return Problem("validation_length_out_of_range", f"Must have at most {most} characters.")


def _key(content: object) -> Problem | None:
    if not isinstance(content, str) or not content:
        return _text(content, 1, MAX_KEY_CHARS)
    # A certificate, a key of another sort or the path of the file is worth a sentence of its own.
    if len(content) > MAX_KEY_CHARS or "-----BEGIN PRIVATE KEY-----" not in content:
        return _NO_KEY
    return None


def _duration(content: object) -> Problem | None:
    if content is None or content == 0:
        return _REQUIRED
    if isinstance(content, bool) or not isinstance(content, int | float) or not float(content).is_integer():
        return Problem(INVALID, "Must be a whole number of seconds.")
    if content < 1:
        return Problem("validation_min_greater_equal_than_required", "Must be at least 1 second.")
    if content > MAX_SECONDS:
        return Problem("validation_max_less_equal_than_required", f"Must be at most {MAX_SECONDS} seconds.")
    return None
