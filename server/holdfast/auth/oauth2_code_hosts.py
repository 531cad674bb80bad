"""The OAuth2 providers that keep code, and list the addresses of their people apart."""

from typing import Final

from holdfast.auth import oauth2_quirks as quirks
from holdfast.auth.oauth2_profile import Reading
from holdfast.auth.oauth2_provider import Emails, KnownProvider

CODE_HOSTS: Final = (
    KnownProvider(
        name="bitbucket",
        display_name="Bitbucket",
        reading=Reading(
            id="uuid",
            name="display_name",
            username="username",
            avatar="links.avatar.href",
            active=quirks.is_account_active,
        ),
        auth_url="https://bitbucket.org/site/oauth2/authorize",
        token_url="https://bitbucket.org/site/oauth2/access_token",
        user_info_url="https://api.bitbucket.org/2.0/user",
        scopes=("account",),
        pkce=False,
        basic=True,
        emails=Emails("/emails", quirks.bitbucket_email),
    ),
    KnownProvider(
        name="gitea",
        display_name="Gitea",
        reading=Reading(id="id", name="full_name", username="login", avatar="avatar_url"),
        auth_url="https://gitea.com/login/oauth/authorize",
        token_url="https://gitea.com/login/oauth/access_token",
        user_info_url="https://gitea.com/api/v1/user",
        scopes=("read:user", "user:email"),
        emails=Emails("/emails", quirks.listed_email),
    ),
    KnownProvider(
        name="gitee",
        display_name="Gitee",
        reading=Reading(id="id", name="name", username="login", avatar="avatar_url"),
        auth_url="https://gitee.com/oauth/authorize",
        token_url="https://gitee.com/oauth/token",
        user_info_url="https://gitee.com/api/v5/user",
        scopes=("user_info", "emails"),
        emails=Emails("/emails", quirks.gitee_email, instead="/user"),
    ),
    KnownProvider(
        name="github",
        display_name="GitHub",
        reading=Reading(id="id", name="name", username="login", avatar="avatar_url"),
        auth_url="https://github.com/login/oauth/authorize",
        token_url="https://github.com/login/oauth/access_token",
        user_info_url="https://api.github.com/user",
        scopes=("read:user", "user:email"),
        emails=Emails("/emails", quirks.listed_email),
    ),
    KnownProvider(
        name="gitlab",
        display_name="GitLab",
        reading=Reading(
            id="id",
            name="name",
            username="username",
            email="email",
            verified=quirks.gitlab_verified,
            avatar="avatar_url",
        ),
        auth_url="https://gitlab.com/oauth/authorize",
        token_url="https://gitlab.com/oauth/token",
        user_info_url="https://gitlab.com/api/v4/user",
        scopes=("read_user",),
    ),
)
