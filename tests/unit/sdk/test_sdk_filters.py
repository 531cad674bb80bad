"""Filters as they are compiled: a text of the grammar, and values apart from it."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from holdfast_sdk.runtime.asking import list_call
from holdfast_sdk.runtime.filters import (
    NOW,
    RANDOM,
    Filter,
    all_match,
    any_match,
    contains,
    matches,
    none_of,
    one_of,
    sort_text,
    where,
)
from holdfast_sdk.runtime.paths import Bool, Choice, Exact, Json, Moment, Number, Path, Point, RecordPath, Text, any_of

root = Path()
title, views, tags = Text(root, "title"), Number(root, "views"), Choice[str](root, "tags")
author = RecordPath(root, "author")
due, meta, price, opened = Moment(root, "due"), Json(root, "meta"), Exact(root, "price"), Bool(root, "open")


@pytest.mark.parametrize(
    ("filter", "text", "values"),
    [
        (title == "x", "title = {:p0}", {"p0": "x"}),
        (views >= 5, "views >= 5", {}),
        (views < -1.5e-9, "views < -1.5e-09", {}),
        (opened == True, "open = true", {}),  # noqa: E712
        (title != None, "title != null", {}),  # noqa: E711
        (author == "id1", "author = {:p0}", {"p0": "id1"}),
        (Text(author, "name") == title, "author.name = title", {}),
        (any_of(tags) == "a", "tags ?= {:p0}", {"p0": "a"}),
        (Text(any_of(author), "name") == "a", "author.name ?= {:p0}", {"p0": "a"}),
        (due < NOW, "due < @now", {}),
        (due == date(2026, 5, 1), "due = {:p0}", {"p0": "2026-05-01"}),
        (due == datetime(2026, 5, 1, 12), "due = {:p0}", {"p0": "2026-05-01 12:00:00.000Z"}),
        (
            due == datetime(2026, 5, 1, 1, 2, 3, 4567, timezone(timedelta(hours=2))),
            "due = {:p0}",
            {"p0": "2026-04-30 23:02:03.004Z"},
        ),
        (price == Decimal("1.50"), "price = {:p0}", {"p0": "1.50"}),
        (meta["a"][0]["b"] == 1, "meta.a.0.b = 1", {}),
        (Point(root, "place").lon > 1, "place.lon > 1", {}),
        (contains(title, "50%"), "title ~ {:p0}", {"p0": "50\\%"}),
        ((views == 1) & (views == 2) & (views == 3), "views = 1 && views = 2 && views = 3", {}),
        ((views == 1) | (views == 2) & (views == 3), "views = 1 || (views = 2 && views = 3)", {}),
        (((views == 1) | (views == 2)) & (views == 3), "(views = 1 || views = 2) && views = 3", {}),
        ((title == "a") & (title == "b"), "title = {:p0} && title = {:p1}", {"p0": "a", "p1": "b"}),
        (one_of(title, ["a", "b"]), "title = {:p0} || title = {:p1}", {"p0": "a", "p1": "b"}),
        (one_of(title, []), "false = true", {}),
        (none_of(title, []) & (views == 1), "true = true && views = 1", {}),
        (
            where("a = {:x} || b = {:x}", x="5") & (views == 1),
            "(a = {:p0} || b = {:p1}) && views = 1",
            {"p0": "5", "p1": "5"},
        ),
        (where("a = {:n} && b = {:t} && c = {:m}", n=-5, t=True, m=NOW), "a = -5 && b = true && c = @now", {}),
        (
            where("a = {:none} && b = {:t}", none=None, t=date(2026, 1, 2)),
            "a = null && b = {:p0}",
            {"p0": "2026-01-02"},
        ),
        (all_match([views == 1, any_match([views == 2, views == 3])]), "views = 1 && (views = 2 || views = 3)", {}),
    ],
)
def test_a_filter_is_compiled(filter: Filter, text: str, values: dict[str, object]):
    assert filter.bound() == (text, values)


def test_a_filter_has_no_truth_so_that_no_half_of_it_is_lost():
    with pytest.raises(TypeError, match="& and"):
        _ = (views == 1) and (views == 2)
    with pytest.raises(TypeError):
        _ = 1 < views < 5
    with pytest.raises(TypeError, match="no truth"):
        bool(title)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: views == float("nan"),
        lambda: views < float("inf"),
        lambda: meta["a.b"],
        lambda: meta["x' || 1=1"],
        lambda: where("a = {:x}"),
        lambda: where("a = 1", x=1),
        lambda: where("a = {:}"),
        lambda: matches(title, "no sign"),
    ],
    ids=range(8),
)
def test_what_cannot_be_a_filter_is_refused_at_once(wrong: object):
    assert callable(wrong)
    with pytest.raises(ValueError):
        wrong()


def test_something_that_is_no_value_is_refused():
    with pytest.raises(TypeError, match="object"):
        title == object()  # type: ignore[operator]  # noqa: B015


def test_sorts_and_calls_say_what_was_asked_for():
    assert sort_text([-due, title, RANDOM]) == "-due,title,@random"
    assert sort_text(-Text(author, "name")) == "-author.name"
    call = list_call("posts", {"filter": title == "ä&b", "sort": -due, "as_of": datetime(2026, 1, 1, tzinfo=UTC)}, {})
    assert call.method == "GET"
    assert "p.p0=%C3%A4%26b" in call.path
    assert "filter=title+%3D+%7B%3Ap0%7D" in call.path
    long = list_call("posts", {"filter": one_of(title, ["x" * 100] * 80)}, {"perPage": "5"})
    assert (long.method, long.path) == ("POST", "/api/collections/posts/records/query")
