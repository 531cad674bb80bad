"""The page of the settings over the API lists what there is, with its defaults; that of mail has the placeholders."""

import re
from pathlib import Path
from typing import Any

import msgspec

from holdfast.config import Settings
from holdfast.mail.template import Filling
from holdfast.options.mail_preview import TEMPLATES
from holdfast.schema.app_options import FIXED_BY, AppOptions, RateLimitRule, trusted_proxy

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference/settings-api.md").read_text("utf-8")
MAIL = (DOCS / "how-to/send-mail.md").read_text("utf-8")


def in_code() -> dict[str, Any]:
    """Every setting with its default."""
    sections = msgspec.to_builtins(AppOptions()) | {"trustedProxy": msgspec.to_builtins(trusted_proxy(Settings()))}
    return {f"{name}.{key}": default for name, section in sections.items() for key, default in section.items()}


def written(default: Any) -> str:
    if isinstance(default, bool | int) or default:
        return f"`{str(default).lower() if isinstance(default, bool) else default}`"
    return "empty"


def test_every_setting_is_on_its_page_with_its_default():
    listed = dict(re.findall(r"^\| `(\w+\.\w+)` \| (.+?) \| [^|]+\|$", PAGE, re.M))
    code = in_code()
    assert set(listed) == set(code)
    told = {name: default for name, default in listed.items() if default not in ("see below", "four rules")}
    assert told == {name: written(code[name]) for name in told}
    assert len(code["rateLimits.rules"]) == 4


def test_the_parts_of_a_rate_limit_are_on_the_page():
    rule = PAGE.split("| `rateLimits.rules`")[1].split("\n")[0]
    assert set(re.findall(r"`(\w+)`", rule)) == {field.encode_name for field in msgspec.structs.fields(RateLimitRule)}


def test_what_the_environment_fixes_is_on_the_page():
    table = PAGE.split("| setting | fixed by |")[1]
    for (section, key), setting in FIXED_BY.items():
        assert re.search(rf"^\| `{section}\.{key}` \| `HOLDFAST_{setting.upper()}`", table, re.M)


def test_the_templates_of_test_mails_are_on_the_page():
    listed = re.findall(r"`([\w-]+)`", PAGE.split("`template` is one of ")[1].split(";")[0])
    assert tuple(listed) == TEMPLATES


def test_the_placeholders_of_mails_are_on_their_page():
    listed = set(re.findall(r"`\{(\w+)(?::\w+)?\}`", MAIL.split("| placeholder |")[1]))
    assert listed == {field.name.upper() for field in msgspec.structs.fields(Filling)}
