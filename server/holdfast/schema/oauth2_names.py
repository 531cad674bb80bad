"""The names of the OAuth2 providers that there are; what is known of each is in auth/oauth2_providers.py."""

from typing import Final

OIDC: Final = frozenset(("oidc", "oidc2", "oidc3"))
ELSEWHERE: Final = OIDC | {"mailcow"}
"""Those that everybody runs for themselves: the operator says where they are."""
NAMES: Final = ELSEWHERE | {
    "apple",
    "bitbucket",
    "box",
    "discord",
    "facebook",
    "gitea",
    "gitee",
    "github",
    "gitlab",
    "google",
    "instagram2",
    "kakao",
    "lark",
    "linear",
    "linkedin",
    "livechat",
    "microsoft",
    "monday",
    "notion",
    "patreon",
    "planningcenter",
    "spotify",
    "strava",
    "trakt",
    "twitch",
    "twitter",
    "vk",
    "wakatime",
    "yandex",
}
