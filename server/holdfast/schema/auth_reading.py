"""How the auth options of a request are read and checked."""

import re
from collections.abc import Collection as Some
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from holdfast.errors import Problem, Problems
from holdfast.schema.auth_options import (
    TOKENS,
    AuthOptions,
    MappedFields,
    OAuth2,
    Provider,
    TokenOptions,
    with_secrets,
)
from holdfast.schema.auth_templates import MailTemplate
from holdfast.schema.field import EMPTY_MESSAGE, FieldError
from holdfast.schema.options import INVALID, read_object, read_struct

MIN_SECRET_CHARS: Final = 30
MAX_SECRET_CHARS: Final = 255
MAX_TOKEN_SECONDS: Final = 94_670_856  # three years
MAX_PROVIDERS: Final = 50
_PROVIDER_NAME: Final = re.compile(r"[a-z0-9_]{1,40}")
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
        oauth2, wrong = _read_oauth2(given, current.oauth2, fields)
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


def _read_oauth2(given: Mapping[str, Any], current: OAuth2, fields: Some[str]) -> tuple[OAuth2, _Found]:
    # A field that is gone is mapped no longer; one that the request itself names has to be there.
    current = msgspec.structs.replace(current, mapped_fields=_still_mapped(current.mapped_fields, fields))
    asked = read_object(given.get("oauth2"))
    read, problems = read_struct(asked, current, without=frozenset(("providers",)))
    providers, wrong = _read_providers(asked, current.providers)
    _note(problems, "providers", wrong)
    mapped: _Found = {
        key: Problem("validation_missing_field", f"There is no field {name}.")
        for key, name in cast(dict[str, str], msgspec.to_builtins(read.mapped_fields)).items()
        if name and name not in fields
    }
    if mapped:
        problems.setdefault("mappedFields", mapped)
    return msgspec.structs.replace(read, providers=providers), problems


def _still_mapped(mapped: MappedFields, fields: Some[str]) -> MappedFields:
    kept = {name: now if now in fields else "" for name, now in msgspec.structs.asdict(mapped).items()}
    return MappedFields(**kept)


def _read_providers(asked: Mapping[str, Any], current: tuple[Provider, ...]) -> tuple[tuple[Provider, ...], _Found]:
    given = asked.get("providers")
    if given is None:
        return current, {}
    if not isinstance(given, list):
        raise FieldError(INVALID, "providers must be a list of objects.")
    items = cast(list[Any], given)
    if len(items) > MAX_PROVIDERS:
        raise FieldError("validation_too_many_values", f"There can be at most {MAX_PROVIDERS} providers.")
    known = {provider.name: provider for provider in current}
    providers: list[Provider] = []
    problems: _Found = {}
    for at, item in enumerate(items):
        try:
            provider, wrong = _read_provider(read_object(item), known, {one.name for one in providers})
        except FieldError as failure:
            problems[str(at)] = failure.problem
            continue
        providers.append(provider)
        _note(problems, str(at), wrong)
    return tuple(providers), problems


def _read_provider(
    given: Mapping[str, Any], known: Mapping[str, Provider], before: Some[str]
) -> tuple[Provider, _Found]:
    # The secret never goes out, so who sends back what was read sends none: the one that is there stays.
    name = given.get("name")
    secret = known[name].client_secret if isinstance(name, str) and name in known else ""
    provider, problems = read_struct(given, Provider(client_secret=secret))
    if _PROVIDER_NAME.fullmatch(provider.name) is None:
        problems.setdefault("name", Problem("validation_invalid_value", "Must be a name such as github."))
    elif provider.name in before:
        problems["name"] = Problem("validation_duplicated_provider", f"{provider.name} is there twice.")
    for key, text in (("clientId", provider.client_id), ("clientSecret", provider.client_secret)):
        if not text:
            problems.setdefault(key, Problem("validation_required", EMPTY_MESSAGE))
    return provider, problems
