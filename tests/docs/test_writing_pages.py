"""The pages about writing list what the code has: codes, and which requests a batch may hold."""

import re
from pathlib import Path

from holdfast.records.batch_reading import ACTIONS

ROOT = Path(__file__).parents[2]
CODE = re.compile(r'"(validation_\w+)"')
WRITING = ("credentials", "given", "modifiers", "values", "violations", "write_service")


def page(name: str) -> str:
    return (ROOT / "docs/reference" / name).read_text("utf-8")


def codes(name: str) -> set[str]:
    return set(CODE.findall((ROOT / "server/holdfast/records" / f"{name}.py").read_text("utf-8")))


def test_every_code_of_a_write_is_on_its_page() -> None:
    used = set[str]().union(*map(codes, WRITING))
    listed = re.findall(r"^\| `(validation_\w+)` \|", page("writing-records.md"), re.M)
    # What a field says of a value that it cannot read is on the page of the fields.
    assert used - {"validation_not_a_number", "validation_invalid_value"} == set(listed)


def test_every_request_that_a_batch_may_hold_is_on_its_page() -> None:
    listed = set(
        re.findall(r"^\| `([A-Z]+) /api/collections/\{collection\}/records(/\{id\})?`", page("batch.md"), re.M)
    )
    listed |= {("PUT", "/{id}")}
    assert {(method, "/{id}" if one else "") for method, one in ACTIONS} == listed
