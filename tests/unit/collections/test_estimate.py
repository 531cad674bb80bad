"""How long a change would take, by what was measured and the sizes of its tables."""

import msgspec
import pytest

from holdfast.catalog.snapshot import Catalog
from holdfast.collections.ddl import table_steps
from holdfast.collections.diff import Changes
from holdfast.collections.estimate import Estimate, Held, Size, duration, estimate, is_small, touched
from holdfast.collections.plan import Weighed
from holdfast.db.pace import Rates
from holdfast.schema.collection import Collection
from holdfast.schema.number import NumberField
from holdfast.schema.system_fields import id_field
from holdfast.schema.text import TextField

GB = 1024**3
RATES = Rates(read=1 / GB, write=4 / GB, convert=1e-6, change=1e-5, index=2e-6, look=1e-6)
NUMBER, TEXT = NumberField(id="n1", name="count"), TextField(id="n1", name="count")
BIG = Size(bytes=GB, rows=1_000_000, indexes=2)


def posts(field: NumberField | TextField, **more: str) -> Collection:
    return msgspec.structs.replace(
        Collection(id="c_posts", name="posts", fields=(id_field(), field), events=False), **more
    )


def asked(new: Collection, size: Size) -> Estimate:
    """The estimate of what becomes of a collection of numbers that is this large."""
    changes = Changes(Catalog.of(1, (posts(NUMBER),)), Catalog.of(1, (new,)))
    weighed = [Weighed(step) for step in table_steps(changes, ()) if not step.only_for_losses]
    names = touched(changes, weighed)
    sizes = {name: size for name in names.values()}
    return estimate(names, weighed, sizes, None if is_small(sizes) else RATES)


def test_a_rewrite_takes_as_long_as_writing_the_table_and_its_indexes():
    found = asked(posts(TEXT), BIG)
    written = 4 + 1 + 2 * 2  # seconds: 1 GB, a million rows converted, and each put into two indexes
    counted = 1 + 1  # seconds: read, and converted to see what would be lost
    assert (written + counted) * 0.5 == pytest.approx(found.seconds_from, rel=0.01)
    assert (written + counted) * 2 == pytest.approx(found.seconds_to, rel=0.01)


def test_a_small_table_is_done_in_a_moment_and_needs_no_measuring():
    assert asked(posts(TEXT), Size(bytes=10_000, rows=100)).seconds_to == 1


def test_what_only_changes_the_catalog_takes_no_longer_for_a_large_table():
    assert asked(posts(NUMBER, name="articles"), BIG).seconds_to == 1


def test_rows_that_were_never_counted_make_the_range_wider():
    known, guessed = asked(posts(TEXT), BIG), asked(posts(TEXT), Size(bytes=GB, rows=-1, indexes=2))
    assert (known.unsure, guessed.unsure) == (False, True)
    assert guessed.seconds_to / guessed.seconds_from > known.seconds_to / known.seconds_from


def test_the_table_is_named_as_it_is_now_with_its_strongest_lock():
    assert asked(posts(TEXT, name="articles"), BIG).tables == (
        Held(collection="posts", bytes=GB, rows=1_000_000, rewrites=True, locks="access exclusive"),
    )


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        (0.1, 1, "takes less than a second"),
        (1.6, 6.4, "takes about 2 to 6 seconds"),
        (60, 240, "takes about 1 to 4 minutes"),
    ],
)
def test_a_duration_is_a_range_in_words(least: float, most: float, said: str):
    assert duration(Estimate(least, most)) == said
