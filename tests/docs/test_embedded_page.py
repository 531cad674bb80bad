"""What the page about the embedded PostgreSQL says of its settings and files, and what the code does."""

import re
from pathlib import Path

from holdfast.db.embedded.places import Places
from holdfast.db.embedded.tuning import FIXED

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "embedded-postgresql.md").read_text("utf-8")


def test_every_setting_that_differs_from_postgresqls_own_is_on_the_page_with_its_value():
    section = PAGE.split("| setting | value | why |", 1)[1].split("\n\n", 1)[0]
    rows = re.findall(r"^\| `([a-z_]+)` \| (?:`([^`]*)`)? ?\|", section, re.MULTILINE)
    assert dict(rows) == FIXED


def test_every_file_beside_the_database_is_on_the_page():
    section = PAGE.split("| in the data directory | what it is |", 1)[1].split("\n\n", 1)[0]
    named = {name.rstrip("/") for name in re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)}
    places = Places(Path("/data"), Path("/data/pg"))
    files = (places.data, places.lock, places.password, places.superuser_password, places.start_log)
    assert named == {file.name for file in files}
