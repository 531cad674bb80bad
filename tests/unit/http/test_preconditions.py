"""`If-Match` is read as the versions that a change is meant for."""

import pytest

from holdfast.http.preconditions import Versions, read_if_match


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        pytest.param("", None, id="absent"),
        pytest.param("*", None, id="any"),
        pytest.param(" * ", None, id="any with spaces"),
        pytest.param('"812-4f1c"', ("812",), id="one"),
        pytest.param('W/"812-4f1c"', ("812",), id="weakened by a proxy"),
        pytest.param('"1-a", W/"2-b","3-c"', ("1", "2", "3"), id="several"),
        pytest.param('"4f1c"', ("4f1c",), id="a tag without a version"),
        pytest.param('""', ("",), id="an empty tag"),
        pytest.param("812-4f1c", (), id="no quotes"),
        pytest.param('"812', (), id="half a tag"),
    ],
)
def test_the_versions_of_a_header(header: str, versions: Versions):
    assert read_if_match(header) == versions
