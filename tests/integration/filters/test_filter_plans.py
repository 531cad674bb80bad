"""Filters by plain columns are served by indexes."""

from integration.filters.shelf import Shelf

INDEXES = (
    "CREATE INDEX by_title ON public.posts (title)",
    "CREATE INDEX by_views ON public.posts (views)",
    "CREATE INDEX by_likes ON public.posts (likes)",
    "CREATE INDEX by_price ON public.posts (price)",
    "CREATE INDEX by_created ON public.posts (created)",
    "CREATE INDEX by_due ON public.posts (due NULLS FIRST)",
    "CREATE INDEX by_author ON public.posts (author)",
    "CREATE INDEX by_lower ON public.posts (lower(title))",
    "CREATE INDEX by_subtitle ON public.posts (subtitle)",
    "CREATE INDEX by_tags ON public.posts USING gin (tags)",
    "CREATE INDEX by_editors ON public.posts USING gin (editors)",
    "CREATE INDEX by_post ON public.comments (post)",
)


SERVED = (
    ("title = 'x'", "by_title"),
    ("title = ''", "by_title"),
    ("title >= 'x'", "by_title"),
    ("title:lower = 'x'", "by_lower"),
    ("subtitle = 'x'", "by_subtitle"),
    ("views = 5", "by_views"),
    ("views < '5'", "by_views"),
    ("likes = 5", "by_likes"),
    ("likes > '5'", "by_likes"),
    ("price = 5", "by_price"),
    ("created > '2024-05'", "by_created"),
    ("created < @now", "by_created"),
    ("due > @now", "by_due"),
    ("due < @now", "by_due"),
    ("due = ''", "by_due"),
    ("author = 'x'", "by_author"),
    ("author.id = 'x'", "by_author"),
    ("tags ?= 'x'", "by_tags"),
    ("editors ?= 'x'", "by_editors"),
    ("editors.id ?= 'x'", "by_editors"),
    ("comments_via_post.message ?= 'x'", "by_post"),
    ("title = 'x' || views = 5", "by_views"),
)


async def test_an_index_serves(shelf: Shelf) -> None:
    await shelf.connection.execute(";".join(INDEXES))
    plans = {text: await shelf.plan(text) for text, _ in SERVED}
    assert {text: plan for (text, index), plan in zip(SERVED, plans.values(), strict=True) if index not in plan} == {}
    scans = [text for text, plan in plans.items() if "Seq Scan on posts" in plan]
    assert scans == []
