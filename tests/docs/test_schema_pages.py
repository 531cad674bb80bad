"""The pages about fields and collections list what the code has: types, options, defaults, keys, codes."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfast.schema import rendering
from holdfast.schema.auth_options import AuthOptions
from holdfast.schema.collection import Collection
from holdfast.schema.field import Field
from holdfast.schema.fields import FIELD_TYPES
from holdfast.schema.reading import read_collection
from holdfast.schema.system import system_collections

ROOT = Path(__file__).parents[2]
FIELDS = (ROOT / "docs/reference/fields.md").read_text("utf-8")
COLLECTIONS = (ROOT / "docs/reference/collections.md").read_text("utf-8")
CODE = re.compile(r'"(validation_\w+)"')


def sections(page: str) -> dict[str, str]:
    titles = re.split(r"^## (.+)$", page, flags=re.M)
    return dict(zip(titles[1::2], titles[2::2], strict=True))


def rows(text: str) -> list[list[str]]:
    """The cells of the table rows whose first cell is code."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines]


def options(kind: type[Field]) -> dict[str, str]:
    """The options that a type has beside the common ones, with their defaults as the page writes them."""
    common = {option.name for option in msgspec.structs.fields(Field)}
    own = [option for option in msgspec.structs.fields(kind) if option.name not in common]
    return {option.encode_name: written(option.default) for option in own}


def written(default: Any) -> str:
    if default is None:
        return "null"
    return f"`{msgspec.json.encode(default).decode()}`" if default != "" else '`""`'


def test_every_field_type_has_its_section_in_the_order_of_the_code() -> None:
    titles = [title for title in sections(FIELDS) if not title.startswith(("What", "Codes"))]
    assert titles == list(FIELD_TYPES)


@pytest.mark.parametrize("type", FIELD_TYPES)
def test_every_option_of_a_type_is_in_its_table_with_its_default(type: str) -> None:
    table = {row[0].strip("`"): row[2] for row in rows(sections(FIELDS)[type])}
    expected = options(FIELD_TYPES[type])
    if type == "relation":
        expected["collectionId"] = ""  # it has to be given
    assert table == expected


def test_the_common_options_are_those_of_the_code() -> None:
    listed = [row[0].strip("`") for row in rows(sections(FIELDS)["What all fields have"])]
    assert sorted(listed) == sorted([*(option.name for option in msgspec.structs.fields(Field)), "type"])


def test_the_keys_of_a_collection_are_those_that_the_api_shows() -> None:
    base = rendering.collection_json(Collection(id="x", name="x"))
    assert sorted(row[0].strip("`") for row in rows(sections(COLLECTIONS)["What all collections have"])) == sorted(base)
    auth = [option.encode_name for option in msgspec.structs.fields(AuthOptions)]
    assert [row[0].strip("`") for row in rows(sections(COLLECTIONS)["Auth collections"])] == auth


def test_every_code_is_on_one_of_the_pages_and_no_other() -> None:
    files = (ROOT / "server/holdfast/schema").glob("*.py")
    in_code = {code for file in files for code in CODE.findall(file.read_text("utf-8"))}
    tables = (sections(FIELDS)["Codes of refused values"], sections(COLLECTIONS)["Codes of refused definitions"])
    assert {row[0].strip("`") for table in tables for row in rows(table)} == in_code


def test_the_example_is_a_collection_that_the_server_takes() -> None:
    example = re.search(r"```json\n(.*?)```", COLLECTIONS, re.S)
    assert example is not None
    made = read_collection(msgspec.json.decode(example[1]), existing=None, others=system_collections())
    assert [field.name for field in made.fields] == ["id", "title", "author", "price", "created"]
    assert made.indexes == ("CREATE INDEX `idx_posts_title` ON `posts` (`title` COLLATE NOCASE)",)
