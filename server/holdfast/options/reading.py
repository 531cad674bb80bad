"""How `PATCH /api/settings` becomes options: merged key by key, checked, with a problem for each key that is wrong."""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec

from holdfast.config import Settings, catalogue
from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.jobs.cron import next_time
from holdfast.options.labels import label_problem
from holdfast.schema.app_options import (
    FIXED_BY,
    S3,
    AppOptions,
    Backups,
    Batch,
    Files,
    Logs,
    Meta,
    RateLimitRule,
    RateLimits,
    Smtp,
    TrustedProxy,
    in_effect,
    trusted_proxy,
)
from holdfast.schema.collection import Collection
from holdfast.schema.domain import is_domain
from holdfast.schema.email import is_email
from holdfast.schema.field import EMPTY_MESSAGE, FieldError
from holdfast.schema.options import INVALID, read_object, read_struct

MAX_NAME_CHARS: Final = 255
MAX_URL_CHARS: Final = 2000
MAX_RULES: Final = 200
MAX_BATCH_REQUESTS: Final = 1000
MAX_BATCH_SECONDS: Final = 600
MAX_RULE_SECONDS: Final = 86_400
MAX_COUNT: Final = 1_000_000_000
MAX_BYTES: Final = 1 << 60
MAX_QUOTAS: Final = 1000
MAX_BACKUPS: Final = 1000
MAX_LOG_DAYS: Final = 365
MAX_LOGGED_PER_SECOND: Final = 10_000
LEAST_LOG_LEVEL: Final = -4  # debug
MOST_LOG_LEVEL: Final = 8  # error
OUT_OF_RANGE: Final = "validation_out_of_range"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_TRUSTED_PROXY: Final = "trustedProxy"
_REQUIRED: Final = Problem("validation_required", EMPTY_MESSAGE)
_Found = dict[str, Problem | Problems]


def read_options(
    given: Mapping[str, Any], current: AppOptions, settings: Settings, collections: Iterable[Collection]
) -> AppOptions:
    """`current` with what is given, at any depth. Null leaves an option as it is.

    What the environment fixes may be sent back as it was read, and is not kept. The labels of limits have to mean
    something among `collections`, but for those that are there already. Raises ValidationFailed.
    """
    options, problems = read_struct(_without_rules(given), current)
    options, wrong_rules = _with_rules(given.get("rateLimits"), options)
    options, fixed = _without_fixed(given, options, current, settings)
    known = tuple(collections)
    labels = _label_problems(options.rate_limits, current.rate_limits, known)
    room = _files_problems(options.files, current.files, known)
    for found in (_unknown(given), wrong_rules, fixed, _trusted(given, settings), labels, room, _checks(options)):
        _merge(problems, found)
    if problems:
        raise ValidationFailed(problems)
    return options


def _without_rules(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The rules are read on their own, so that each problem has its place."""
    limits = given.get("rateLimits")
    if not isinstance(limits, Mapping):
        return given
    return {**given, "rateLimits": {key: content for key, content in _object(limits).items() if key != "rules"}}


def _object(content: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], content) if isinstance(content, Mapping) else {}


def _merge(problems: _Found, more: _Found) -> None:
    """Add problems where there is none yet."""
    for key, found in more.items():
        here = problems.setdefault(key, found)
        if here is not found and isinstance(here, dict) and isinstance(found, Mapping):
            _merge(here, dict(found))


def _nested(*path: str, problem: Problem) -> _Found:
    found: _Found = {path[-1]: problem}
    for key in reversed(path[:-1]):
        found = {key: found}
    return found


def _unknown(given: Mapping[str, Any]) -> _Found:
    """A misspelt option must not look as if it had been set."""
    unknown = Problem("validation_unknown_setting", "There is no such setting.")
    known = _keys(AppOptions) | {_TRUSTED_PROXY: _keys(TrustedProxy)}
    found: _Found = {}
    for section, content in given.items():
        if section not in known:
            found[section] = unknown
            continue
        wrong = _not_among(_object(content), known[section], unknown)
        if wrong:
            found[section] = wrong
    return found


def _not_among(given: Mapping[str, Any], known: Mapping[str, Any], unknown: Problem) -> _Found:
    """The keys that are not known, also in what a key holds that has keys of its own."""
    wrong: _Found = {key: unknown for key in given if key not in known}
    for key, inner in known.items():
        deeper = _not_among(_object(given.get(key)), inner, unknown) if inner else {}
        if deeper:
            wrong[key] = deeper
    return wrong


def _keys(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The keys of a struct in the API, each with those of the struct that it holds."""
    return {
        field.encode_name: _keys(field.type)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        else {}
        for field in msgspec.structs.fields(struct)
    }


def _without_fixed(
    given: Mapping[str, Any], options: AppOptions, current: AppOptions, settings: Settings
) -> tuple[AppOptions, _Found]:
    """The options without what was only read and sent back, and what tries to change a thing that is fixed."""
    shown = in_effect(current, settings)
    variables = {setting.name: setting.environment for setting in catalogue()}
    problems: _Found = {}
    for (section, key), setting in FIXED_BY.items():
        asked = _object(given.get(section)).get(key)
        part: msgspec.Struct = getattr(options, section)
        field = next(field for field in msgspec.structs.fields(part) if field.encode_name == key)
        if asked == getattr(getattr(shown, section), field.name):
            kept = getattr(getattr(current, section), field.name)
            part = msgspec.structs.replace(part, **{field.name: kept})
            options = msgspec.structs.replace(options, **{section: part})
        elif asked is not None and getattr(settings, setting):
            problem = Problem(
                "validation_fixed", f"This is set by {variables[setting]} and can be changed there alone."
            )
            _merge(problems, _nested(section, key, problem=problem))
    return options, problems


def _trusted(given: Mapping[str, Any], settings: Settings) -> _Found:
    """The proxies are the environment's: what is shown may be sent back, and nothing else."""
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(trusted_proxy(settings)))  # lists, not tuples
    if not isinstance(given.get(_TRUSTED_PROXY), Mapping | None):
        return {_TRUSTED_PROXY: Problem(INVALID, "Must be an object.")}
    asked = _object(given.get(_TRUSTED_PROXY))
    message = "The proxies that are trusted are set by HOLDFAST_TRUSTED_PROXIES alone."
    problem = Problem("validation_fixed", message)
    wrong: _Found = {
        key: problem for key, content in asked.items() if key in shown and content not in (None, shown[key])
    }
    return {_TRUSTED_PROXY: wrong} if wrong else {}


def _with_rules(given: Any, options: AppOptions) -> tuple[AppOptions, _Found]:
    """The options with the rules that are given, which take the place of all that were there."""
    rules = _object(given).get("rules")
    if rules is None:
        return options, {}
    if not isinstance(rules, list) or len(cast(list[Any], rules)) > MAX_RULES:
        problem = Problem(INVALID, f"Must be a list of at most {MAX_RULES} rules.")
        return options, _nested("rateLimits", "rules", problem=problem)
    read: list[RateLimitRule] = []
    problems: _Found = {}
    for at, item in enumerate(cast(list[Any], rules)):
        try:
            rule, wrong = read_struct(read_object(item), RateLimitRule())
        except FieldError as failure:
            problems[str(at)] = failure.problem
            continue
        read.append(rule)
        if wrong:
            problems[str(at)] = wrong
    limits = msgspec.structs.replace(options.rate_limits, rules=tuple(read))
    found: _Found = {"rateLimits": {"rules": problems}} if problems else {}
    return msgspec.structs.replace(options, rate_limits=limits), found


def _checks(options: AppOptions) -> _Found:
    sections = {
        "meta": _meta_problems(options.meta),
        "smtp": _smtp_problems(options.smtp),
        "rateLimits": _limit_problems(options.rate_limits),
        "batch": _batch_problems(options.batch),
        "s3": s3_problems(options.s3),
        "logs": _logs_problems(options.logs),
        "backups": _backups_problems(options.backups),
    }
    return {key: found for key, found in sections.items() if found}


def _meta_problems(meta: Meta) -> _Found:
    found: _Found = {}
    for key, text in (("appName", meta.app_name), ("senderName", meta.sender_name)):
        if not text.strip():
            found[key] = _REQUIRED
        elif len(text) > MAX_NAME_CHARS or _CONTROL.search(text):
            found[key] = Problem(
                "validation_length_out_of_range", f"Must be one line of up to {MAX_NAME_CHARS} letters."
            )
    if meta.app_url and not _is_address(meta.app_url):
        found["appURL"] = Problem("validation_is_url", "Must be an address such as https://app.example.com.")
    if not is_email(meta.sender_address):
        found["senderAddress"] = Problem("validation_is_email", "Must be an email address.")
    return found


def _is_address(url: str) -> bool:
    if len(url) > MAX_URL_CHARS or re.search(r"[\s\x00-\x20\x7f<>\"'\\^`{|}]", url):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    whole = parts.scheme in ("http", "https") and port != 0 and bool(parts.hostname)
    return whole and parts.username is None and not parts.query and not parts.fragment


def _smtp_problems(smtp: Smtp) -> _Found:
    found: _Found = {}
    if not smtp.host:
        if smtp.enabled:
            found["host"] = _REQUIRED
    elif not _is_host(smtp.host):
        found["host"] = Problem("validation_is_host", "Must be a host name or an IP address.")
    if not (1 if smtp.enabled else 0) <= smtp.port <= 65_535:
        found["port"] = Problem(OUT_OF_RANGE, "Must be from 1 to 65535.")
    if smtp.local_name and not _is_host(smtp.local_name):
        found["localName"] = Problem("validation_is_host", "Must be a host name or an IP address.")
    for key, text in (("username", smtp.username), ("password", smtp.password)):
        if len(text) > MAX_NAME_CHARS * 4 or _CONTROL.search(text):
            found[key] = Problem(INVALID, f"Must be one line of up to {MAX_NAME_CHARS * 4} letters.")
    return found


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return text.isascii() and is_domain(text)
    return True


def _limit_problems(limits: RateLimits) -> _Found:
    found: _Found = {}
    rules: _Found = {}
    for at, rule in enumerate(limits.rules):
        wrong = _rule_problems(rule, limits.rules[:at])
        if wrong:
            rules[str(at)] = wrong
    if rules:
        found["rules"] = rules
    elif limits.enabled and not limits.rules:
        found["rules"] = _REQUIRED
    wrong_ips = [text for text in limits.excluded_ips if not _is_network(text)]
    if wrong_ips:
        found["excludedIPs"] = Problem(
            INVALID, f"{wrong_ips[0][:100]!r} is no IP address or network such as 10.0.0.0/8."
        )
    return found


def _label_problems(limits: RateLimits, now: RateLimits, collections: Iterable[Collection]) -> _Found:
    """What is wrong with labels that are new: one whose collection is gone must not keep others from being saved."""
    known, kept = tuple(collections), {rule.label for rule in now.rules}
    wrong: _Found = {}
    for at, rule in enumerate(limits.rules):
        problem = label_problem(rule.label, known) if rule.label and rule.label not in kept else None
        if problem is not None:
            wrong[str(at)] = {"label": problem}
    return {"rateLimits": {"rules": wrong}} if wrong else {}


def _rule_problems(rule: RateLimitRule, before: Sequence[RateLimitRule]) -> _Found:
    found: _Found = {}
    if not rule.label:
        found["label"] = _REQUIRED
    elif any(_same_callers(rule, other) for other in before):
        message = f"There is another rule for {rule.label} and the same callers."
        found["label"] = Problem("validation_conflicting_rate_limit_rule", message)
    if not 1 <= rule.duration <= MAX_RULE_SECONDS:
        found["duration"] = Problem(OUT_OF_RANGE, f"Must be from 1 to {MAX_RULE_SECONDS} seconds.")
    if not 1 <= rule.max_requests <= MAX_COUNT:
        found["maxRequests"] = Problem(OUT_OF_RANGE, f"Must be from 1 to {MAX_COUNT}.")
    return found


def _same_callers(one: RateLimitRule, other: RateLimitRule) -> bool:
    """Whether both would count somebody: a rule for all conflicts with one for some."""
    both = one.audience == other.audience or "" in (one.audience, other.audience)
    return one.label == other.label and both


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _batch_problems(batch: Batch) -> _Found:
    found: _Found = {}
    if not 1 <= batch.max_requests <= MAX_BATCH_REQUESTS:
        found["maxRequests"] = Problem(OUT_OF_RANGE, f"Must be from 1 to {MAX_BATCH_REQUESTS}.")
    if not 0 <= batch.timeout <= MAX_BATCH_SECONDS:
        found["timeout"] = Problem(OUT_OF_RANGE, f"Must be from 0 to {MAX_BATCH_SECONDS} seconds.")
    if not 0 <= batch.max_body_size <= MAX_COUNT:
        found["maxBodySize"] = Problem(OUT_OF_RANGE, f"Must be from 0 to {MAX_COUNT} bytes.")
    return found


def _logs_problems(logs: Logs) -> _Found:
    found: _Found = {}
    if not 0 <= logs.max_days <= MAX_LOG_DAYS:
        found["maxDays"] = Problem(OUT_OF_RANGE, f"Must be from 0 to {MAX_LOG_DAYS} days; 0 keeps nothing.")
    if not LEAST_LOG_LEVEL <= logs.min_level <= MOST_LOG_LEVEL:
        found["minLevel"] = Problem(OUT_OF_RANGE, "Must be from -4 (debug) to 8 (error).")
    if not 1 <= logs.max_per_second <= MAX_LOGGED_PER_SECOND:
        found["maxPerSecond"] = Problem(OUT_OF_RANGE, f"Must be from 1 to {MAX_LOGGED_PER_SECOND}.")
    return found


def _backups_problems(backups: Backups) -> _Found:
    found: _Found = {}
    if backups.cron:
        try:
            next_time(backups.cron, "UTC", datetime.now(UTC))
        except ValueError as failure:
            found["cron"] = Problem("validation_invalid_cron", f"{str(failure)[:200].capitalize()}.")
    least = 1 if backups.cron else 0
    if not least <= backups.cron_max_keep <= MAX_BACKUPS:
        found["cronMaxKeep"] = Problem(OUT_OF_RANGE, f"Must be from {least} to {MAX_BACKUPS}.")
    bucket = s3_problems(backups.s3)
    return found | ({"s3": bucket} if bucket else {})


def _files_problems(files: Files, now: Files, collections: Sequence[Collection]) -> _Found:
    """What is wrong with quotas; one whose collection is gone must not keep others from being saved."""
    wrong = Problem(OUT_OF_RANGE, f"Must be from 0 to {MAX_BYTES} bytes.")
    found: _Found = {} if 0 <= files.max_bytes <= MAX_BYTES else {"maxBytes": wrong}
    names = {name for one in collections for name in (one.id, one.name)} | now.max_bytes_of.keys()
    inner: _Found = {}
    for name, most in files.max_bytes_of.items():
        if name not in names:
            inner[name] = Problem("validation_missing_collection", "There is no such collection.")
        elif not 1 <= most <= MAX_BYTES:
            inner[name] = Problem(OUT_OF_RANGE, f"Must be from 1 to {MAX_BYTES} bytes; leave it out for no limit.")
    if len(files.max_bytes_of) > MAX_QUOTAS:
        found["maxBytesOf"] = Problem(INVALID, f"Takes at most {MAX_QUOTAS} collections.")
    elif inner:
        found["maxBytesOf"] = inner
    return {"files": found} if found else {}


def s3_problems(s3: S3) -> _Found:
    """What is wrong with a bucket. One that is not in use may be half filled in."""
    found: _Found = {}
    texts = {"bucket": s3.bucket, "region": s3.region, "endpoint": s3.endpoint}
    texts |= {"accessKey": s3.access_key, "secret": s3.secret}
    for key, text in texts.items():
        if len(text) > MAX_URL_CHARS or _CONTROL.search(text):
            found[key] = Problem(INVALID, f"Must be one line of up to {MAX_URL_CHARS} letters.")
        elif s3.enabled and not text:
            found[key] = _REQUIRED
    if "endpoint" not in found and s3.endpoint:
        url = s3.endpoint if "://" in s3.endpoint else f"https://{s3.endpoint}"
        if not _is_address(url):
            found["endpoint"] = Problem("validation_is_url", "Must be an address such as https://s3.example.com.")
    return found
