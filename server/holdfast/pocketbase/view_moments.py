"""SQLite's functions of dates for PostgreSQL: `strftime`, `date`, `datetime`, `julianday` and their like. Pure."""

import re
from typing import Any, Final

from sqlglot import exp

from holdfast.pocketbase.view_kinds import MOMENTS, CannotTranslate, Kinds

_FORMS: Final = {
    "date": "YYYY-MM-DD",
    "time": "HH24:MI:SS",
    "datetime": "YYYY-MM-DD HH24:MI:SS",
}
_DIRECTIVES: Final = {
    "%Y": "YYYY",
    "%m": "MM",
    "%d": "DD",
    "%H": "HH24",
    "%M": "MI",
    "%S": "SS",
    "%j": "DDD",
    "%f": "SS.MS",
    "%%": "%",
}
_STEP: Final = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?) (second|minute|hour|day|month|year)s?")
_START: Final = re.compile(r"start of (day|month|year)")
_DIRECTIVE: Final = re.compile(r"%.|[^%]+")


def moment(node: exp.Expr, kinds: Kinds) -> exp.Expr | None:
    """The moment that a function of dates is about; None for what is no such function, or has parts not known here."""
    arguments = _arguments(node)
    if not arguments:
        return None
    found = _start(arguments[0], kinds)
    for modifier in arguments[1:]:
        found = _moved(found, modifier) if found is not None else None
    return found


def refuse_dates(node: exp.Expr) -> None:
    """Raise CannotTranslate for a function of dates that `moment` does not understand."""
    name = _function(node)
    if name in (*_FORMS, "strftime", "julianday", "unixepoch"):
        raise CannotTranslate(f"It has a date that is not understood: {node.sql('sqlite')[:100]}.")


def written(node: exp.Expr, found: exp.Expr) -> exp.Expr:
    """What the function gives for the moment: a text, or a number of days or seconds."""
    name = _function(node)
    if name == "julianday":
        days = exp.Div(this=_epoch(found), expression=exp.Literal.number("86400.0"))
        return exp.Paren(this=exp.Add(this=days, expression=exp.Literal.number("2440587.5")))
    if name == "unixepoch":
        return exp.Floor(this=_epoch(found))
    form = _form(_format(node)) if name == "strftime" else _FORMS[name]
    return node if form is None else exp.Anonymous(this="to_char", expressions=[found, exp.Literal.string(form)])


def _epoch(found: exp.Expr) -> exp.Expr:
    return exp.Extract(this=exp.Var(this="epoch"), expression=found)


def _function(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    if isinstance(node, exp.TimeToStr):
        return "strftime"
    if isinstance(node, exp.Date):
        return "date"
    return "datetime" if isinstance(node, exp.Datetime) else ""


def _format(node: exp.Expr) -> str:
    format: Any = node.args.get("format") if isinstance(node, exp.TimeToStr) else node.expressions[0]
    return format.name if isinstance(format, exp.Literal) else ""


def _form(format: str) -> str | None:
    """The form for to_char; None where a part of it is unknown."""
    found: list[str] = []
    for piece in _DIRECTIVE.findall(format):
        if piece.startswith("%"):
            if piece not in _DIRECTIVES:
                return None
            found.append(_DIRECTIVES[piece])
        else:
            found.append(f'"{piece}"' if any(char.isalpha() for char in piece) else piece)
    return "".join(found) or None


def _arguments(node: exp.Expr) -> list[exp.Expr]:
    """The moment and its modifiers, as they are written."""
    name = _function(node)
    if isinstance(node, exp.TimeToStr):
        inner: Any = node.this
        inner = inner.this if isinstance(inner, exp.TsOrDsToTimestamp) else inner
        return [inner.copy()] if _form(_format(node)) is not None else []
    if isinstance(node, exp.Date | exp.Datetime):
        rest = [one for one in (node.args.get("zone"), node.args.get("expression")) if isinstance(one, exp.Expr)]
        return [one.copy() for one in (node.this, *rest, *node.expressions) if isinstance(one, exp.Expr)]
    if not isinstance(node, exp.Anonymous) or name not in (*_FORMS, "strftime", "julianday", "unixepoch"):
        return []
    given = list(node.expressions)
    if name == "strftime" and (len(given) < 2 or _form(_format(node)) is None):
        return []
    return [one.copy() for one in (given[1:] if name == "strftime" else given)]


def _start(node: exp.Expr, kinds: Kinds) -> exp.Expr | None:
    if isinstance(node, exp.Literal) and node.is_string and node.name.lower() == "now":
        return exp.Anonymous(this="now", expressions=[])
    return node if kinds.kind(node) in MOMENTS else None


def _moved(found: exp.Expr, modifier: exp.Expr) -> exp.Expr | None:
    text = modifier.name.strip().lower() if isinstance(modifier, exp.Literal) and modifier.is_string else ""
    start = _START.fullmatch(text)
    if start is not None:
        return exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string(start[1]), found])
    step = _STEP.fullmatch(text)
    if step is None:
        return found if text in ("utc", "localtime") else None
    interval = exp.cast(exp.Literal.string(f"{step[1]} {step[2]}"), "interval")
    return exp.Paren(this=exp.Add(this=found, expression=interval))
