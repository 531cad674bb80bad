"""Names and keys of stored files: nothing that anybody sends makes one that means something."""

import re

from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage.name import key_of, stored_name


@given(st.text(max_size=300), st.sampled_from(("", "png")))
def test_any_name_becomes_a_harmless_one(original: str, suffix: str) -> None:
    name = stored_name(original, suffix)
    assert name.isascii()
    assert name.replace("_", "").replace(".", "").isalnum()
    assert 10 <= len(name) <= 140
    assert name.count(".") <= 1
    assert not name.startswith(("_", "."))


@given(st.text(min_size=1, max_size=255), st.text(min_size=1, max_size=255))
def test_any_id_makes_a_key_of_three_plain_parts(collection: str, record: str) -> None:
    parts = key_of(collection, record, "a.txt").split("/")
    assert len(parts) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_=-]+", part) for part in parts[:2])
    assert all(len(part) <= 255 for part in parts)


@given(st.text(min_size=1, max_size=255), st.text(min_size=1, max_size=255))
def test_two_records_have_two_folders(one: str, other: str) -> None:
    assert (key_of("c", one, "a") == key_of("c", other, "a")) is (one == other)


def test_the_folders_are_those_of_pocketbase() -> None:
    assert key_of("pbc_1", "0123456789abcde", "a.png") == "pbc_1/0123456789abcde/a.png"
