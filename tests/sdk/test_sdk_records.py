"""Records through a generated client, against the real API."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from client import EMAIL, PASSWORD, Api, in_one_loop
from generated import blog, client_of

pytestmark = in_one_loop


class Site:
    """A server, the package of it, and a client for nobody."""

    def __init__(self, api: Api, package: Any) -> None:
        self.api = api
        self.p = package
        self.client = client_of(api, package)

    async def article(self, title: str = "One", **values: Any) -> Any:
        return await self.client.articles.create(self.p.ArticleCreate(title=title, **values))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(shared_api: Api, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    package = await blog(shared_api, tmp_path_factory.mktemp("package"))
    made = Site(shared_api, package)
    yield made
    await made.client.aclose()


async def test_a_record_comes_back_with_the_types_of_its_fields(site: Site):
    due = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
    made = await site.article(
        views=3,
        rating=None,
        status="draft",
        tags=["red", "blue"],
        due=due,
        price=Decimal("12.50"),
        meta={"n": [1, {"x": None}]},
        place=site.p.GeoPoint(lon=12.5, lat=41.9),
        class_="first",
    )
    read = await site.client.articles.get(made.id)
    assert (read.views, read.rating, read.status, read.tags) == (3, None, "draft", ["red", "blue"])
    assert (read.due, read.price, read.meta, read.place.lat) == (due, Decimal("12.50"), {"n": [1, {"x": None}]}, 41.9)
    assert read.class_ == "first"
    assert isinstance(read.created, datetime)
    assert read.hf_etag


async def test_an_empty_date_is_none(site: Site):
    assert (await site.article()).due is None


async def test_an_update_changes_what_it_names_and_modifiers_what_is_there(site: Site):
    p, made = site.p, await site.article(views=1, tags=["red"], status="done")
    await asyncio.gather(
        *(site.client.articles.update(made.id, p.ArticleUpdate(views=p.add(2))) for _ in range(5)),
        site.client.articles.update(made.id, p.ArticleUpdate(tags=p.prepend("blue"))),
    )
    read = await site.client.articles.update(made.id, p.ArticleUpdate(tags=p.remove("red"), views=p.subtract(1)))
    assert (read.views, read.tags, read.status) == (10, ["blue"], "done")


async def test_of_two_who_change_the_same_version_one_is_told_both(site: Site):
    p, made = site.p, await site.article("before")
    await site.client.articles.update(made.id, p.ArticleUpdate(title="theirs"), if_unchanged=made)
    with pytest.raises(p.VersionConflict) as conflict:
        await site.client.articles.update(made.id, p.ArticleUpdate(title="mine"), if_unchanged=made)
    yours, theirs = conflict.value.of(p.ArticleRecord)
    assert (yours.title, theirs.title) == ("before", "theirs")
    with pytest.raises(TypeError, match="ArticleRecord"):
        conflict.value.of(p.RemarkRecord)
    await site.client.articles.delete(made.id)
    with pytest.raises(p.NotFound):
        await site.client.articles.update(made.id, p.ArticleUpdate(title="mine"), if_unchanged=made)


async def test_a_record_of_a_list_does_not_know_its_version(site: Site):
    made = await site.article("listed")
    listed = await site.client.articles.first(filter=site.p.where("id = {:id}", id=made.id))
    with pytest.raises(ValueError, match="read it by `get`"):
        await site.client.articles.delete(made.id, if_unchanged=listed)


async def test_an_upsert_makes_and_then_changes(site: Site):
    p, id = site.p, "upsert000000001"
    assert (await site.client.articles.upsert(id, p.ArticleCreate(title="a", views=1))).views == 1
    assert (await site.client.articles.upsert(id, p.ArticleUpdate(title="b"))).views == 1
    assert await site.client.articles.find("nothing00000000") is None


async def test_refused_fields_are_told_one_by_one(site: Site):
    with pytest.raises(site.p.ValidationFailed) as refusal:
        await site.article("", views=2**60)
    assert refusal.value.problems["title"].code == "validation_required"
    assert refusal.value.status == 400
    assert refusal.value.request_id


async def test_expanded_records_are_typed(site: Site):
    p, client = site.p, site.client
    ann = await client.writers.create(p.WriterCreate(email="ann@example.com", password="correct horse", name="Ann"))
    made = await site.article("expanded", writer=ann.id, editors=[ann.id])
    await client.remarks.create(p.RemarkCreate(message="good", article=made.id))
    read = await client.articles.get(
        made.id, expand=[p.Article.writer, p.Article.editors, p.Article.remarks_via_article.article]
    )
    assert isinstance(read.expand.writer, p.WriterRecord)
    assert [one.name for one in read.expand.editors] == ["Ann"]
    assert read.expand.remarks_via_article[0].expand.article.title == "expanded"
    assert (await client.articles.get(made.id)).expand.writer is None


async def test_pages_walks_and_counts_agree(site: Site):
    p, client = site.p, site.client
    async with client.batch() as batch:
        planned = [batch.articles.create(p.ArticleCreate(title=f"walk {n}", views=n)) for n in range(20)]
    mine = p.contains(p.Article.title, "walk ")
    assert len({one.record.id for one in planned}) == 20
    page = await client.articles.list(filter=mine, sort=-p.Article.views, per_page=7, page=2)
    assert ([one.views for one in page.items], page.total_items) == ([12, 11, 10, 9, 8, 7, 6], 20)
    walked = [one.views async for one in client.articles.iterate(filter=mine, sort=p.Article.views, page_size=6)]
    assert walked == list(range(20))
    assert len(await client.articles.all(filter=mine)) == await client.articles.count(mine) == 20
    assert (await client.articles.first(filter=mine & (p.Article.views > 17), sort=[p.Article.views])).views == 18
    assert await client.articles.first(filter=mine & (p.Article.views > 99)) is None
    assert (await client.articles.list(search="walk 7", count="none")).total_items == -1


async def test_a_batch_is_done_whole_or_not_at_all(site: Site):
    p, client = site.p, site.client
    with pytest.raises(p.BadRequest) as refusal:
        async with client.batch() as batch:
            good = batch.articles.create(p.ArticleCreate(title="never there"))
            batch.articles.create(p.ArticleCreate(title=""))
    assert "requests.1" in refusal.value.problems
    with pytest.raises(RuntimeError, match="not done"):
        _ = good.record
    assert await client.articles.count(p.Article.title == "never there") == 0
    with pytest.raises(ZeroDivisionError):
        async with client.batch() as batch:
            batch.articles.create(p.ArticleCreate(title="never there"))
            raise ZeroDivisionError
    assert await client.articles.count(p.Article.title == "never there") == 0


async def test_groups_are_asked_by_what_was_asked_for(site: Site):
    p, client = site.p, site.client
    for views, status in ((1, "draft"), (2, "draft"), (5, "done")):
        await site.article("grouped", views=views, status=status)
    groups = await client.articles.aggregate(
        p.count(),
        p.total(p.Article.views),
        p.average(p.Article.views),
        group_by=p.Article.status,
        filter=p.Article.title == "grouped",
        sort=-p.count(),
    )
    found = [(one[p.Article.status], one[p.count()], one[p.total(p.Article.views)]) for one in groups]
    assert found == [("draft", 2, 3), ("done", 1, 5)]
    with pytest.raises(KeyError):
        groups[0][p.greatest(p.Article.views)]


NASTY = [
    "it's",
    'he said "no"',
    "\\",
    "ends with \\",
    "100% _sure_",
    "{:p0} {:}",
    "x' || 1 = 1 || 'x",
    "// no comment",
    "Zürich 東京 🏔",
    "@now",
    "a\nb\tc",
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
async def test_whatever_a_text_holds_it_stays_a_value(site: Site, text: str):
    p, client = site.p, site.client
    made = await site.article(text)
    equal = await client.articles.all(filter=(p.Article.title == text) & (p.Article.id == made.id))
    other = await client.articles.all(filter=p.Article.title == text + "!")
    inside = await client.articles.all(filter=p.contains(p.Article.title, text) & p.one_of(p.Article.id, [made.id]))
    outside = await client.articles.all(filter=p.excludes(p.Article.title, text) & (p.Article.id == made.id))
    assert ([one.id for one in equal], other, [one.id for one in inside], outside) == ([made.id], [], [made.id], [])


async def test_filters_of_every_kind_find_what_they_say(site: Site):
    p, client = site.p, site.client
    carl = await client.writers.create(p.WriterCreate(email="carl@example.com", password="correct horse", name="Carl"))
    made = await site.article(
        "kinds",
        views=7,
        open=True,
        tags=["red", "blue"],
        writer=carl.id,
        due=datetime(2026, 5, 1, tzinfo=UTC),
        price=Decimal("9.99"),
        meta={"tags": ["x", "y"], "n": 5},
        place=p.GeoPoint(lon=12.49, lat=41.89),
    )
    await client.remarks.create(p.RemarkCreate(message="great", stars=5, article=made.id))
    await client.remarks.create(p.RemarkCreate(message="poor", stars=1, article=made.id))
    a = p.Article
    true = {
        "number": (a.views >= 7) & (a.views != 8),
        "bool": a.open == True,  # noqa: E712
        "relation": a.writer == carl.id,
        "record": a.writer == carl,
        "through a relation": a.writer.name == "Carl",
        "back": (p.any_of(a.remarks_via_article.message) == "great") & (p.any_of(a.remarks_via_article.stars) == 5),
        "any of many": p.any_of(a.tags) == "red",
        "each of many": p.matches(p.any_of(p.each(a.tags)), "r%"),
        "how many": p.length(a.tags) == 2,
        "lower": p.lower(a.title) == "kinds",
        "date": (a.due < datetime(2026, 5, 2, tzinfo=UTC)) & (a.due >= "2026-05"),
        "macro": a.created <= p.NOW,
        "decimal": (a.price == Decimal("9.99")) & (a.price > 9),
        "json": (a.meta["tags"][1] == "y") & (a.meta["n"] == 5),
        "point": p.distance_km(a.place, 12.5, 41.9) < 5,
        "two fields": a.views < a.price,
        "one of": p.one_of(a.views, [1, 7]) & p.none_of(a.views, [1, 8]) & p.none_of(a.views, []),
        "either": (a.views == 1) | (a.views == 7) & (a.open == True),  # noqa: E712
        "raw": p.where("views = {:n} && title = {:t}", n=7, t="kinds"),
    }
    found = {name: await client.articles.count((a.id == made.id) & filter) for name, filter in true.items()}
    assert found == dict.fromkeys(true, 1)
    false = {
        "all of many": a.tags == "red",
        "all of the back relation": a.remarks_via_article.stars == 5,
        "none": p.one_of(a.views, []),
        "null": a.meta["tags"] == None,  # noqa: E711
    }
    assert [await client.articles.count((a.id == made.id) & filter) for filter in false.values()] == [0] * len(false)


async def test_a_filter_that_is_too_long_for_an_address_goes_in_a_body(site: Site):
    p = site.p
    made = await site.article("long")
    ids = [made.id, *(f"{n:015d}" for n in range(150))]
    assert await site.client.articles.count(p.one_of(p.Article.id, ids)) == 1
    assert await site.client.articles.count(p.where("views = {:n} && id = {:id}", n=0, id=made.id)) == 1


async def test_a_view_can_be_read(site: Site):
    made = await site.article("counted")
    await site.client.remarks.create(site.p.RemarkCreate(article=made.id))
    found = await site.client.totals.get(made.id)
    assert (found.title, found.remarks) == ("counted", 1)
    assert not hasattr(site.client.totals, "create")


async def test_an_answer_of_another_shape_says_that_the_package_may_be_old(site: Site):
    made = await site.article("odd")
    reader = importlib.import_module(f"{site.p.__name__}._runtime.decoding")
    with pytest.raises(site.p.UnreadableAnswer, match="older"):
        reader.read(b'{"id": 5}', type(made))


async def test_a_superuser_can_be_an_account(site: Site):
    p = site.p
    bob = await site.client.writers.create(p.WriterCreate(email="bob@example.com", password="correct horse"))
    root = client_of(site.api, p)
    token = await site.api.login(EMAIL, PASSWORD)
    root.hf_core.session.begin(p.Login(token))
    async with await root.as_user(root.writers, bob.id) as as_bob:
        assert (await as_bob.writers.get(bob.id)).email == "bob@example.com"
        assert as_bob.who.record_id == bob.id
    assert (await site.client.writers.get(bob.id)).email == ""
    with pytest.raises(p.Unauthenticated):
        await site.client.as_user(site.client.writers, bob.id)
    await root.aclose()


async def test_who_asks_too_often_waits_for_as_long_as_the_server_says(site: Site):
    limits = {"enabled": True, "rules": [{"label": "totals:list", "maxRequests": 1, "duration": 1}]}
    hurried = client_of(site.api, site.p, retry=site.p.NO_RETRY)
    try:
        assert (await site.api.root.patch("/api/settings", json={"rateLimits": limits})).status_code == 200
        with pytest.raises(site.p.RateLimited) as refusal:
            for _ in range(9):
                await hurried.totals.list()
        assert 0 < refusal.value.retry_after <= 1
        assert (await site.client.totals.list()).page == 1
    finally:
        await site.api.root.patch("/api/settings", json={"rateLimits": {"enabled": False}})
        await hurried.aclose()


async def test_other_paths_can_be_asked(site: Site):
    assert (await site.client.request("GET", "/api/health"))["code"] == 200


@pytest.mark.parametrize("size", [0, 10, 3_000_000])
async def test_a_file_goes_up_and_comes_down(site: Site, tmp_path: Path, size: int):
    p, told = site.p, list[tuple[int, int]]()
    source = tmp_path / "some paper.bin"
    source.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    upload = p.Upload(source, progress=lambda done, whole: told.append((done, whole)))
    made = await site.article("filed", cover=upload if size else p.UNSET, papers=[p.Upload(b"1", name="a.txt")])
    assert [name.startswith("a_") for name in made.papers] == [True]
    if not size:
        return
    assert told[-1] == (size, size)
    assert await site.client.articles.download(made, made.cover, tmp_path / "down") == size
    assert (tmp_path / "down").read_bytes() == source.read_bytes()
    grown = await site.client.articles.update(made.id, p.ArticleUpdate(papers=p.append(p.Upload(b"2", name="b.txt"))))
    assert [await site.client.articles.files(grown).read(name) for name in grown.papers] == [b"1", b"2"]


async def test_a_file_goes_along_in_a_batch(site: Site):
    p = site.p
    async with site.client.batch() as batch:
        batch.articles.create(p.ArticleCreate(title="plain"))
        planned = batch.articles.create(p.ArticleCreate(title="filed", cover=p.Upload(b"hello", name="c.txt")))
    assert await site.client.articles.files(planned.record).read(planned.record.cover) == b"hello"
