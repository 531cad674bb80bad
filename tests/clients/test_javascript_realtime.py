"""Realtime by PocketBase's official JavaScript client."""

import pytest

from node import node, run_tests
from oauth2_provider import oidc_provider
from served import Served

__all__ = ["node"]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_realtime_of_the_official_javascript_client_works(node: str, served: Served) -> None:
    with oidc_provider() as provider:
        provider.person("ann", email="ann@js.example.com", email_verified=True)
        provider.person("ben", email="ben@js.example.com", email_verified=True)
        environment = {
            "HOLDFAST_TEST_URL": served.url,
            "HOLDFAST_TEST_EMAIL": served.email,
            "HOLDFAST_TEST_PASSWORD": served.password,
            "HOLDFAST_TEST_PROVIDER": provider.url,
        }
        run_tests(node, "realtime.test.mjs", environment)
