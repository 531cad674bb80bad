"""Refusals in one sentence."""

import pytest

from holdfast.access.sentence import sentence
from holdfast.errors import ApiError, BadRequest, Problem, ValidationFailed

EMPTY = Problem("validation_required", "This must not be empty.")


@pytest.mark.parametrize(
    ("failure", "found"),
    [
        (BadRequest("No."), "No."),
        (ValidationFailed({"title": EMPTY}), "Some fields are not valid: title: This must not be empty."),
        (
            ValidationFailed({"a": EMPTY, "b": {"c": EMPTY}}),
            "Some fields are not valid: a: This must not be empty. b.c: This must not be empty.",
        ),
        (ValidationFailed({"a": EMPTY}, "Not like this."), "Not like this: a: This must not be empty."),
    ],
    ids=["no fields", "a field", "fields in fields", "a message of its own"],
)
def test_a_refusal_names_its_fields(failure: ApiError, found: str):
    assert sentence(failure) == found
