"""How the auth options of a request are read and checked."""

from collections.abc import Collection as Some
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from holdfast.errors import Problem, Problems
from holdfast.schema.auth_options import (
    TOKENS,
    AuthOptions,
    TokenOptions,
    with_secrets,
)
from holdfast.schema.auth_templates import MailTemplate
from holdfast.schema.field import EMPTY_MESSAGE, FieldError
from holdfast.schema.oauth2_reading import read_oauth2
from holdfast.schema.options import read_struct

MIN_SECRET_CHARS: Final = 30
MAX_SECRET_CHARS: Final = 255
MAX_TOKEN_SECONDS: Final = 94_670_856  # three years
_Found = dict[str, Problem | Problems]


def read_auth_options(
    given: Mapping[str, Any],
    current: AuthOptions,
    *,
    fields: Some[str],
    unique: Some[str],
) -> tuple[AuthOptions, _Found]:
    """The options with what is given, and what is wrong with them, by API.md's keys.

    `fields` are the names of the collection's fields, `unique` those whose values are unique.
    """
    options, problems = read_struct(given, current, without=frozenset(("oauth2",)))
    try:
        oauth2, wrong = read_oauth2(given, current.oauth2, fields)
        options = msgspec.structs.replace(options, oauth2=oauth2)
        _note(problems, "oauth2", wrong)
    except FieldError as failure:
        problems["oauth2"] = failure.problem
    options = with_secrets(options)
    for key, found in _checks(options, unique).items():
        problems.setdefault(key, found)
    return options, problems


def _checks(options: AuthOptions, unique: Some[str]) -> _Found:
    problems: _Found = {}
    for token in TOKENS:
        _note(problems, _key(token), _token_problems(cast(TokenOptions, getattr(options, token))))
    for template in ("verification_template", "reset_password_template", "confirm_email_change_template"):
        _note(problems, _key(template), _template_problems(cast(MailTemplate, getattr(options, template))))
    _note(problems, "authAlert", _nested("emailTemplate", _template_problems(options.auth_alert.email_template)))
    _note(problems, "otp", _otp_problems(options))
    _note(problems, "mfa", _mfa_problems(options))
    _note(problems, "passwordAuth", _identity_problems(options, unique))
    if options.manage_rule == "":
        problems["manageRule"] = Problem("validation_nil_or_not_empty_required", "Must be null or a rule.")
    return problems


def _key(name: str) -> str:
    return next(option.encode_name for option in msgspec.structs.fields(AuthOptions) if option.name == name)


def _note(problems: _Found, key: str, found: _Found) -> None:
    if found:
        problems[key] = found


def _nested(key: str, found: _Found) -> _Found:
    return {key: found} if found else {}


def _seconds_problem(seconds: int, most: int) -> _Found:
    if 10 <= seconds <= most:
        return {}
    return {"duration": Problem("validation_out_of_range", f"Must be from 10 to {most} seconds.")}


def _token_problems(token: TokenOptions) -> _Found:
    found = _seconds_problem(token.duration, MAX_TOKEN_SECONDS)
    if not MIN_SECRET_CHARS <= len(token.secret) <= MAX_SECRET_CHARS:
        message = f"Must have from {MIN_SECRET_CHARS} to {MAX_SECRET_CHARS} characters."
        found["secret"] = Problem("validation_length_out_of_range", message)
    return found


def _template_problems(template: MailTemplate) -> _Found:
    parts = (("subject", template.subject), ("body", template.body))
    return {key: Problem("validation_required", EMPTY_MESSAGE) for key, text in parts if not text}


def _otp_problems(options: AuthOptions) -> _Found:
    otp = options.otp
    found = _nested("emailTemplate", _template_problems(otp.email_template))
    if not otp.enabled:
        return found
    found |= _seconds_problem(otp.duration, 86_400)
    if not 4 <= otp.length <= 64:
        found["length"] = Problem("validation_out_of_range", "Must be from 4 to 64 characters.")
    return found


def _mfa_problems(options: AuthOptions) -> _Found:
    if not options.mfa.enabled:
        return {}
    found = _seconds_problem(options.mfa.duration, 86_400)
    if options.password_auth.enabled + options.oauth2.enabled + options.otp.enabled < 2:
        message = "Two factors need at least two ways to log in: turn on another one first."
        found["enabled"] = Problem("validation_mfa_not_enough_auths", message)
    return found


def _identity_problems(options: AuthOptions, unique: Some[str]) -> _Found:
    login = options.password_auth
    if not login.enabled:
        return {}
    if not login.identity_fields:
        return {"identityFields": Problem("validation_required", EMPTY_MESSAGE)}
    for name in login.identity_fields:
        if name not in unique:
            message = f"{name} is no field with a unique index: two people could have the same."
            return {"identityFields": Problem("validation_missing_unique_constraint", message)}
    return {}
