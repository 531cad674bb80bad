"""What one reliability test measured, held against its bounds; and what the same check found without the protection."""

from typing import TypeAlias

import pytest

Number: TypeAlias = int | float


class Figures:
    """The figures of one test. `full`: it runs in its full sizes, not in those of the gate.

    A figure beyond its bound fails the test at once; what was measured until then is reported all the same.
    """

    def __init__(self, *, full: bool) -> None:
        self.full = full
        self.sizes: list[str] = []
        self.measured: list[str] = []
        self.controls: list[str] = []

    def size(self, name: str, *, gate: int, full: int) -> int:
        """How much of something: `figures.size("kills", gate=5, full=100)`."""
        chosen = full if self.full else gate
        self.sizes.append(f"{chosen:,} {name}")
        return chosen

    def came_to(self, name: str, count: int) -> None:
        """A size that is only known afterwards, such as how many records were acknowledged."""
        self.sizes.append(f"{count:,} {name}")

    def at_most(self, name: str, found: Number, bound: Number, unit: str = "") -> None:
        """Record a figure, and fail if it is more than its bound."""
        self._note(name, found, f"at most {written(bound, unit)}", unit)
        assert found <= bound, self.measured[-1]

    def at_least(self, name: str, found: Number, bound: Number, unit: str = "") -> None:
        """Record a figure, and fail if it is less than its bound."""
        self._note(name, found, f"at least {written(bound, unit)}", unit)
        assert found >= bound, self.measured[-1]

    def exactly(self, name: str, found: int, wanted: int) -> None:
        """Record a figure, and fail if it is another one than wanted."""
        self._note(name, found, f"exactly {written(wanted)}", "")
        assert found == wanted, self.measured[-1]

    def _note(self, name: str, found: Number, bound: str, unit: str) -> None:
        self.measured.append(f"{name} {written(found, unit)} ({bound})")

    def control(self, without: str, name: str, found: Number, *, beyond: Number = 0, unit: str = "") -> None:
        """What the same check finds with the protection taken away: it fails if that is not beyond the bound.

        Then the check would not see a loss, and its green says nothing.
        """
        self.controls.append(f"{without}: {name} {written(found, unit)}")
        assert found > beyond, f"the control fails: {self.controls[-1]}, which is not more than {beyond}"

    def no_control(self, why: str) -> None:
        """Say why there is nothing that could be taken away."""
        self.controls.append(f"none: {why}")

    def complete(self) -> None:
        """Fail unless something was measured, and there is a control or a reason for having none."""
        assert self.measured, "the test has measured nothing"
        assert self.controls, "the test has no control, and does not say why"


def written(number: Number, unit: str = "") -> str:
    """A number as people read it: `1,234`, `0.35 s`, `12.1 ms`."""
    if isinstance(number, int) or number >= 1000:
        text = f"{number:,.0f}"
    else:
        text = f"{number:.3g}"
    return f"{text} {unit}" if unit else text


FIGURES: pytest.StashKey[Figures] = pytest.StashKey()
