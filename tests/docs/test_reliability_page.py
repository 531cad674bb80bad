"""The page about reliability: every test is on it with its own words, and nothing else is."""

import re

import pytest

from reliability import page

TEXT = page.PAGE.read_text("utf-8")


def test_the_page_is_what_the_tests_say_with_the_figures_of_their_last_runs():
    assert TEXT == page.render(page.tests(), page.rows(TEXT), page.machine_of(TEXT))


def test_every_test_has_a_row_and_a_section_and_no_other_has():
    numbers = [test.number for test in page.tests()]
    assert len(numbers) > 8
    assert list(page.rows(TEXT)) == numbers
    assert re.findall(r"^## (R\d+): ", TEXT, re.M) == numbers


@pytest.mark.parametrize("test", page.tests(), ids=lambda test: test.number)
def test_a_row_says_how_the_last_run_ended(test: page.Described):
    cells = page.rows(TEXT)[test.number]
    assert len(cells) == len(page.NOT_RUN)
    assert tuple(cells) == page.NOT_RUN or cells[3] in ("pass", "FAIL")
