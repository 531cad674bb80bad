"""What filters mean, case by case: each line of docs/reference/filters.md that says what is found."""

import pytest

from integration.filters.shelf import NOW, Shelf


@pytest.fixture
async def posts(shelf: Shelf) -> Shelf:
    await shelf.put("teams", id="t1", name="Blue", level=3.0)
    await shelf.put("authors", id="ann", name="Ann", team="t1", email="ann@x.y", emailVisibility=True)
    await shelf.put("authors", id="bob", name="Bob", email="bob@x.y")
    await shelf.put(
        "posts",
        id="full",
        title="Hello World",
        subtitle="Sub",
        views=10.0,
        likes=3,
        due=NOW,
        tags=["red", "green"],
        author="ann",
        editors=["ann", "bob"],
        meta='{"n":5,"s":"5","t":true,"list":["a",{"b":1}],"empty":"","null":null}',
    )
    await shelf.put("posts", id="half", title="100% Ünï", views=5.0, tags=["red"], author="bob", editors=["bob"])
    await shelf.put("posts", id="bare")
    await shelf.put("comments", id="c1", post="full", message="good", stars=5.0, author="ann")
    await shelf.put("comments", id="c2", post="full", message="bad", stars=1.0, author="bob")
    await shelf.put("comments", id="c3", post="half", message="good", stars=1.0)
    return shelf


FINDS = (
    # '' and null are equal, and only = and != see them.
    ("title = null", "bare"),
    ("subtitle = ''", "bare half"),
    ("subtitle != 'Sub'", "bare half"),
    ("subtitle !~ 'x'", "full"),
    ("subtitle < 'z'", "full"),
    ("due = null", "bare half"),
    ("views = null", ""),
    ("views = ''", ""),
    ("author = ''", "bare"),
    # '' comes before everything, in dates and relations that are not set too; null comes nowhere.
    ("due < '2030'", "bare full half"),
    ("due != '' && due < '2030'", "full"),
    ("due > '2000'", "full"),
    ("due > ''", "full"),
    ("title < 'A'", "bare half"),
    ("author.name < 'B'", "full"),
    ("author.team.level < 100", "full"),
    # ~ finds a text whatever its case, unless there is a % in it.
    ("title ~ 'WORLD'", "full"),
    ("title ~ 'ünÏ'", "half"),
    ("title ~ 'hello%'", "full"),
    ("title ~ 'orld%'", ""),
    ("title ~ '%wor_d'", "full"),
    ("title ~ 'wor_d'", ""),
    ("title ~ '100\\%'", "half"),
    ("title ~ ''", "bare full half"),
    ("title !~ 'o'", "bare half"),
    ("views ~ 1", "full"),
    ("'say hello world' ~ title", "bare full"),
    ("title:lower = 'hello world'", "full"),
    # Numbers, and texts that look like them.
    ("views = '10'", "full"),
    ("views = '10.0'", "full"),
    ("views > '9'", "full"),
    ("views = 'ten'", ""),
    ("title = 100", ""),
    ("open = 0", "bare full half"),
    # Dates are the first instant of what is written.
    ("due >= '2024' && due < '2025'", "full"),
    ("due = '2024-05-01 10:30:15.123Z'", "full"),
    ("due = '2024-05-01T12:30:15.123+02:00'", "full"),
    ("due = @now", "full"),
    ("due >= @todayStart && due <= @todayEnd", "full"),
    ("due = '2024-05-01'", ""),
    # Lists: all, any, items, length.
    ("tags = 'red'", "half"),
    ("tags ?= 'red'", "full half"),
    ("tags != 'green'", "bare half"),
    ("tags ?!= 'green'", "bare full half"),
    ("tags = ''", "bare"),
    ("tags ?= 'red' && tags ?= 'green'", "full"),
    ("tags:each ?= 'red' && tags:each ?= 'green'", ""),
    ("tags ~ 'gre'", "full"),
    ("tags:each ~ 'r%'", "half"),
    ("tags:each ?~ 'r%'", "full half"),
    ("tags:length = 2", "full"),
    ("tags:length < 1", "bare"),
    # Relations, many of them, and back.
    ("author.name = 'Ann'", "full"),
    ("author.id = 'ann'", "full"),
    ("author.team.name = 'Blue'", "full"),
    ("author.team.name != 'Blue'", "bare half"),
    ("editors.name = 'Bob'", "half"),
    ("editors.name ?= 'Bob'", "full half"),
    ("editors.name ?= 'Ann' && editors.name ?= 'Bob'", ""),
    ("editors.id ?= 'ann' && editors ?= 'bob'", "full"),
    ("editors.id ?!= editors.id", ""),
    ("editors ?!= editors", "full"),
    ("editors.id = editors.id", "bare half"),
    ("editors.name = ''", "bare"),
    ("comments_via_post.message = 'good'", "half"),
    ("comments_via_post.message ?= 'good'", "full half"),
    ("comments_via_post.message ?= 'bad' && comments_via_post.stars ?= 5", ""),
    ("comments_via_post.message ?= 'good' && comments_via_post.stars ?= 5", "full"),
    ("comments_via_post.message ?= 'x' || comments_via_post.stars ?= 5", "full"),
    ("comments_via_post.author.team.name ?= 'Blue'", "full"),
    ("comments_via_post.stars >= 1", "full half"),
    ("comments_via_post.id = ''", "bare"),
    ("comments_via_post.author ?= author", "bare full"),
    # Json.
    ("meta.n = 5", "full"),
    ("meta.n > 4.5", "full"),
    ("meta.n = '5'", "full"),
    ("meta.s = 5", "full"),
    ("meta.t = true", "full"),
    ("meta.t = 1", "full"),
    ("meta.list.0 = 'a'", "full"),
    ("meta.list.1.b = 1", "full"),
    ("meta.list ~ '\"b\"'", "full"),
    ("meta.nothing = null", "bare full half"),
    ("meta.empty = null && meta.n != ''", "full"),
    ("meta.null = ''", "bare full half"),
    ("meta = null", "bare half"),
    ("meta.n = meta.s && meta.n != null", "full"),
    # Points.
    ("place.lon = 0", "bare full half"),
    # Logic.
    ("title = 'x' || views = 5 && likes = 0", "half"),
    ("(title = 'x' || views = 5) && likes = 3", ""),
    ("1 = 1", "bare full half"),
    ("1 = 2", ""),
    ("true = false", ""),
)


async def test_a_filter_finds_its_records(posts: Shelf) -> None:
    found = {text: " ".join(await posts.find(text)) for text, _ in FINDS}
    assert found == dict(FINDS)


async def test_a_filter_over_the_other_side_finds_its_records(posts: Shelf) -> None:
    assert await posts.find("posts_via_editors.title ?= 'Hello World'", among="authors") == ["ann", "bob"]
    assert await posts.find("posts_via_author.comments_via_post.stars = 1", among="authors") == ["bob"]
    assert await posts.find("post.author.name = 'Ann'", among="comments") == ["c1", "c2"]
