"""A reliability test fails by its figures: beyond a bound, with none, or with a control that finds nothing."""

import pytest

from reliability.figures import Figures, written
from reliability.page import cell


@pytest.fixture
def figures() -> Figures:
    return Figures(full=False)


def test_sizes_are_those_of_the_gate_or_the_full_ones():
    sizes = [Figures(full=full).size("kills", gate=5, full=100) for full in (False, True)]
    assert sizes == [5, 100]


@pytest.mark.parametrize(
    ("found", "bound", "fails"), [(0, 0, False), (1, 0, True), (2.9, 3.0, False)], ids=["none", "one", "just below"]
)
def test_a_figure_beyond_its_bound_fails_and_is_kept(figures: Figures, found: float, bound: float, fails: bool):
    if fails:
        with pytest.raises(AssertionError):
            figures.at_most("lost", found, bound)
    else:
        figures.at_most("lost", found, bound)
    assert len(figures.measured) == 1


def test_less_than_the_least_fails(figures: Figures):
    figures.at_least("per second", 1000, 1000)
    with pytest.raises(AssertionError):
        figures.at_least("per second", 999, 1000)


def test_another_number_than_the_exact_one_fails(figures: Figures):
    figures.exactly("records", 1, 1)
    with pytest.raises(AssertionError):
        figures.exactly("records", 2, 1)


def test_a_control_that_finds_nothing_fails(figures: Figures):
    figures.control("without it", "lost", 1)
    with pytest.raises(AssertionError):
        figures.control("without it", "lost", 0)


def test_a_test_without_a_measure_or_without_a_control_is_not_complete(figures: Figures):
    with pytest.raises(AssertionError):
        figures.complete()
    figures.at_most("lost", 0, 0)
    with pytest.raises(AssertionError):
        figures.complete()
    figures.no_control("it is the specification itself")
    figures.complete()


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (0, "", "0"),
        (12345, "", "12,345"),
        (1234.5, "/s", "1,234 /s"),
        (0.01234, "s", "0.0123 s"),
        (12.5, "%", "12.5 %"),
    ],
)
def test_numbers_are_written_as_people_read_them(number: float, unit: str, text: str):
    assert written(number, unit) == text


def test_a_text_stays_one_cell():
    assert cell("a | b\nc") == "a \\| b c"
