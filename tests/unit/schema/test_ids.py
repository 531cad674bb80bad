"""Ids of records."""

import re

from holdfast.schema.ids import IdSource, base36, new_id


def test_an_id_is_15_letters_and_digits() -> None:
    assert re.fullmatch("[a-z0-9]{15}", new_id())


def test_ids_grow_even_when_the_clock_stands_still_or_goes_back() -> None:
    source = IdSource()
    clock = [1_800_000_000_000] * 500 + [1_700_000_000_000] * 500
    ids = [source.next(now) for now in clock]
    assert ids == sorted(ids)
    assert len(set(ids)) == 1000


def test_a_later_id_sorts_after_an_earlier_one_of_another_process() -> None:
    assert IdSource().next(1_800_000_000_000) < IdSource().next(1_800_000_000_001)


def test_the_first_eight_characters_are_the_time() -> None:
    assert int(IdSource().next(1_800_000_000_000)[:8], 36) == 1_800_000_000_000


def test_base_36_is_filled_up_with_zeros() -> None:
    assert base36(35, 3) == "00z"
