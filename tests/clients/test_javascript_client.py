"""PocketBase's official JavaScript client, run with Node against a real server."""

import pytest

from node import node, run_tests
from served import Served

__all__ = ["node"]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_official_javascript_client_works(node: str, served: Served):
    environment = {
        "HOLDFAST_TEST_URL": served.url,
        "HOLDFAST_TEST_EMAIL": served.email,
        "HOLDFAST_TEST_PASSWORD": served.password,
    }
    run_tests(node, "client.test.mjs", environment)
