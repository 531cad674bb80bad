"""The pages about changes and views list what the code has."""

import re
from pathlib import Path
from typing import get_args

from holdfast.collections.plan import PlannedStep
from holdfast.collections.step import Action
from holdfast.collections.trash import Restored
from holdfast.collections.trash_rows import Dropped
from holdfast.collections.view_syntax import NAMED_FUNCTIONS, InvalidView, parse

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CHANGES = (REFERENCE / "schema-changes.md").read_text("utf-8")
VIEWS = (REFERENCE / "views.md").read_text("utf-8")


def first_cells(section: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", section, re.M)


def test_every_action_is_explained():
    section = CHANGES.split("### Actions", 1)[1].split("\n## ", 1)[0]
    assert first_cells(section) == list(get_args(Action))


def test_every_key_of_a_step_is_explained():
    section = CHANGES.split("\nA step:", 1)[1].split("###", 1)[0]
    assert first_cells(section) == list(PlannedStep.__struct_fields__)


def test_every_key_of_the_trash_is_named():
    section = CHANGES.split("Each has ", 1)[1].split(".\n", 1)[0]
    assert re.findall(r"`(\w+)`", section) == list(Dropped.__struct_encode_fields__)
    section = CHANGES.split("Restoring answers", 1)[1].split("\n- ", 1)[0]
    assert first_cells(section) == list(Restored.__struct_encode_fields__)


def accepts(function: str) -> bool:
    for arguments in ("x", "x, 'y'", "x, 1, 2", "x, 1, 2, 3", "", "'y' IN x", "'%Y', x", "x, 'y', 'z'"):
        for call in (f"{function}({arguments})", f"{function}({arguments}) OVER ()"):
            try:
                parse(f"SELECT {call} AS id FROM t")  # noqa: S608
            except InvalidView:
                continue
            return True
    return False


def test_every_function_on_the_page_can_be_called():
    listed = VIEWS.split("## Functions", 1)[1].split("```text\n", 1)[1].split("```", 1)[0].split()
    assert [name for name in listed if name != "unnest" and not accepts(name)] == []
    assert set(listed) >= NAMED_FUNCTIONS
    assert listed == sorted(listed)
