"""`./dev reliability`: runs the reliability tests in the order of their numbers, and prints one line for each."""

import sys

import click
import pytest

from tests.reliability import page

FULL_SECONDS = 5400  # for one test in its full size
GATE_TEST_SECONDS = 180


@click.command()
@click.option("--gate", is_flag=True, help="The tests of the gate in its sizes; the page stays as it is.")
@click.option(
    "--page", "only_page", is_flag=True, help="Run nothing: write the page anew from the tests that there are."
)
@click.argument("names", nargs=-1)
def main(gate: bool, only_page: bool, names: tuple[str, ...]) -> None:
    """Run the reliability tests, or those that are named (R2 R19), and write docs/reference/reliability.md."""
    known = {one.number for one in page.tests() if one.in_gate or not gate}
    wanted = {name.upper() for name in names}
    if wanted - known:
        raise click.UsageError(f"There is no {', '.join(sorted(wanted - known))} here: {', '.join(order(known))}.")
    if only_page:
        page.write({})
        return
    arguments = ["tests/reliability", "-q", "--no-header", "--tb=short", "-p", "no:randomly", "--report"]
    arguments += ["-m", "reliability_gate" if gate else "reliability", "--sizes", "gate" if gate else "full"]
    arguments += [f"--timeout={GATE_TEST_SECONDS if gate else FULL_SECONDS}", "--only", ",".join(order(wanted))]
    sys.exit(pytest.main(arguments))


def order(numbers: set[str]) -> list[str]:
    """By number, so that R2 is before R10."""
    return sorted(numbers, key=lambda one: int(one[1:]))


if __name__ == "__main__":
    main()
