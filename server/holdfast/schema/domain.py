"""Names of hosts, for email and url fields."""

from collections.abc import Collection as Some
from typing import Final

from holdfast.errors import Problem

MAX_DOMAIN_CHARS: Final = 253  # RFC 1035, 2.3.4: 255 octets with lengths and root
MAX_LABEL_CHARS: Final = 63


def is_domain(text: str) -> bool:
    """Whether a text has the form of a host name, in any script."""
    return 0 < len(text) <= MAX_DOMAIN_CHARS and all(_is_label(label) for label in text.split("."))


def _is_label(text: str) -> bool:
    if not 0 < len(text) <= MAX_LABEL_CHARS or text.startswith("-") or text.endswith("-"):
        return False
    return all(char.isalnum() or char in "-_" for char in text)


def is_allowed(domain: str, only: Some[str], excepted: Some[str]) -> bool:
    """Whether the options let a domain pass: it is one of `only` where there are some, and none of `excepted`."""
    folded = domain.lower()
    if only:
        return folded in {name.lower() for name in only}
    return folded not in {name.lower() for name in excepted}


def domain_problems(only: Some[str], excepted: Some[str]) -> dict[str, Problem]:
    """What is wrong with `onlyDomains` and `exceptDomains`."""
    if only and excepted:
        message = "Use either onlyDomains or exceptDomains."
        return {"exceptDomains": Problem("validation_invalid_value", message)}
    found: dict[str, Problem] = {}
    for option, names in (("onlyDomains", only), ("exceptDomains", excepted)):
        wrong = [name for name in names if not is_domain(name)]
        if wrong:
            found[option] = Problem("validation_invalid_value", f"{wrong[0]!r} is not the name of a domain.")
    return found
