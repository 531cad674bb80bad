"""The pages of the Python client: the reference is that of the docstrings."""

from pathlib import Path

from holdfast.sdk.shelf import KEPT
from holdfast_sdk.reference import PAGE, page
from holdfast_sdk.runtime import exported

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_made_of_the_docstrings_as_they_are() -> None:
    assert (DOCS / PAGE).read_text("utf-8") == page(), "run `python -m holdfast_sdk.reference docs`"


def test_every_name_that_a_program_imports_is_on_it() -> None:
    text = page()
    assert [name for name in exported.__all__ if f"`{name}`" not in text] == []


def test_the_index_keeps_as_many_versions_as_its_page_says() -> None:
    text = " ".join((DOCS / "reference" / "python-client.md").read_text("utf-8").split())
    assert f"the {KEPT} newest of them" in text
