"""OAuth2 by code with PocketBase's official JavaScript client, and a real OpenID provider."""

import pytest

from node import node, run_tests
from oauth2_provider import OidcProvider
from served import Served

__all__ = ["node"]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_people_log_in_by_a_provider_with_the_official_javascript_client(
    node: str, served: Served, openid: OidcProvider
) -> None:
    environment = {
        "HOLDFAST_TEST_URL": served.url,
        "HOLDFAST_TEST_EMAIL": served.email,
        "HOLDFAST_TEST_PASSWORD": served.password,
        "HOLDFAST_TEST_PROVIDER": openid.url,
    }
    run_tests(node, "oauth2.test.mjs", environment)
