"""What single OAuth2 providers do their own way, as small functions of what they answer. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, cast


def always(_: Mapping[str, Any]) -> bool:
    """For providers that hand out no email but one that its owner has confirmed."""
    return True


def discord_avatar(answer: Mapping[str, Any]) -> str:
    """Discord gives the hash of a picture."""
    id, picture = answer.get("id"), answer.get("avatar")
    return f"https://cdn.discordapp.com/avatars/{id}/{picture}.png" if id and picture else ""


def discord_name(answer: Mapping[str, Any]) -> object:
    """Old accounts have a number behind their name."""
    name, number = answer.get("username"), answer.get("discriminator")
    return f"{name}#{number}" if name and number and number != "0" else answer.get("global_name") or name


def yandex_avatar(answer: Mapping[str, Any]) -> str:
    """Yandex gives the id of a picture."""
    id = answer.get("default_avatar_id")
    return f"https://avatars.yandex.net/get-yapic/{id}/islands-200" if id and not answer.get("is_avatar_empty") else ""


def kakao_verified(answer: Mapping[str, Any]) -> bool:
    """An address is one that still works, and was confirmed."""
    account: object = answer.get("kakao_account")
    if not isinstance(account, Mapping):
        return False
    said = cast("Mapping[str, object]", account)
    return said.get("is_email_valid") is True and said.get("is_email_verified") is True


def gitlab_verified(answer: Mapping[str, Any]) -> bool:
    """GitLab says when the address was confirmed."""
    return bool(answer.get("confirmed_at"))


def is_status_active(answer: Mapping[str, Any]) -> bool:
    """Box."""
    return answer.get("status") == "active"


def is_account_active(answer: Mapping[str, Any]) -> bool:
    """Bitbucket."""
    return answer.get("account_status") == "active"


def is_person_active(answer: Mapping[str, Any]) -> bool:
    """Planning Center."""
    data: object = answer.get("data")
    attributes: object = cast("Mapping[str, object]", data).get("attributes") if isinstance(data, Mapping) else None
    return isinstance(attributes, Mapping) and cast("Mapping[str, object]", attributes).get("status") == "active"


def local_part(answer: Mapping[str, Any]) -> object:
    """The names of mailcow's users are their addresses."""
    name = answer.get("username")
    return name.partition("@")[0] if isinstance(name, str) else ""


def with_token_email(answer: Mapping[str, Any], token: Mapping[str, Any]) -> Mapping[str, Any]:
    """VK sends the address with the token."""
    return {**answer, "email": token.get("email")}


def listed_email(found: object) -> str:
    """The first of a list that is primary and verified, as GitHub and Gitea have it."""
    return next((_text(one) for one in _items(found) if one.get("primary") is True and one.get("verified") is True), "")


def gitee_email(found: object) -> str:
    """Gitee's list has a state and a scope."""
    for one in _items(found):
        scope: object = one.get("scope")
        if one.get("state") == "confirmed" and isinstance(scope, list) and "primary" in scope:
            return _text(one)
    return ""


def bitbucket_email(found: object) -> str:
    """Bitbucket's list is a page of one."""
    values = cast("Mapping[str, object]", found).get("values") if isinstance(found, Mapping) else None
    confirmed = (
        one for one in _items(values) if one.get("is_primary") is True and one.get("is_confirmed") is not False
    )
    return next((_text(one) for one in confirmed), "")


def _items(found: object) -> Iterator[Mapping[str, object]]:
    if isinstance(found, list):
        for one in cast("list[object]", found):
            if isinstance(one, Mapping):
                yield cast("Mapping[str, object]", one)


def _text(one: Mapping[str, object]) -> str:
    email = one.get("email")
    return email if isinstance(email, str) else ""
