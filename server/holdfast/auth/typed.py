"""What people type into the forms of the auth flows, read from a request's body."""

from collections.abc import Mapping
from typing import Any, Final

from holdfast.errors import Problem, ValidationFailed
from holdfast.http.json import refuse_repeated_keys
from holdfast.http.request import Request
from holdfast.schema.email import is_email
from holdfast.schema.field import EMPTY_MESSAGE

MAX_CHARS: Final = 255
BLANK: Final = Problem("validation_required", EMPTY_MESSAGE)
NO_TEXT: Final = Problem("validation_invalid_value", "Must be a string.")
TOO_LONG: Final = Problem("validation_length_too_long", f"Must have at most {MAX_CHARS} characters.")
NO_EMAIL: Final = Problem("validation_is_email", "Must be an email address.")


async def read_typed(request: Request) -> dict[str, Any]:
    """The body. Raises BadRequest where a key comes twice: two programs must not read it differently."""
    body = await request.object()
    refuse_repeated_keys(await request.body())
    return body


def read_email(body: Mapping[str, Any], key: str = "email") -> str:
    """An email, trimmed. Raises ValidationFailed for anything else."""
    email = read_texts(body, key)[0].strip()
    if not is_email(email):
        raise ValidationFailed({key: NO_EMAIL})
    return email


def read_texts(body: Mapping[str, Any], *keys: str) -> tuple[str, ...]:
    """Texts that have to be there. Raises ValidationFailed with what is wrong with each."""
    problems = {key: problem for key in keys if (problem := _short_text_problem(body.get(key))) is not None}
    if problems:
        raise ValidationFailed(problems)
    return tuple(body[key] for key in keys)


def text_problem(content: object) -> Problem | None:
    """What is wrong with something that has to be a text, and not an empty one."""
    if content is None or content == "":
        return BLANK
    return None if isinstance(content, str) else NO_TEXT


def _short_text_problem(content: Any) -> Problem | None:
    problem = text_problem(content)
    if problem is not None:
        return problem
    if not content.strip():
        return BLANK
    return TOO_LONG if len(content) > MAX_CHARS else None
