"""What was expanded in a record is read when somebody asks for it, and the record stays a value."""

import copy
import pickle
from typing import Any

import msgspec
import pytest

from generated import load
from schemas import SHOP

ANN = '{"id":"u1","name":"Ann","expand":{"posts_via_author":[{"id":"p1","title":"One"}]}}'
POST = '{"id":"p1","title":"One","expand":{"author":%s,"comments_via_post":[{"id":"c1"},{"id":"c2"}]}}'


@pytest.fixture(scope="module")
def p(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load(SHOP, tmp_path_factory.mktemp("package"))


def read(p: Any, text: str) -> Any:
    return msgspec.json.decode(text, type=p.PostRecord)


def test_what_was_expanded_is_typed_and_read_once(p: Any):
    post = read(p, POST % ANN)
    assert post.expand.author.name == "Ann"
    assert post.expand.author is post.expand.author
    assert [one.title for one in post.expand.author.expand.posts_via_author] == ["One"]
    assert [type(one) for one in post.expand.comments_via_post] == [p.CommentRecord] * 2
    assert repr(post.expand) == "<PostExpand author, comments_via_post>"


def test_what_was_not_expanded_is_none_or_nothing(p: Any):
    post = read(p, '{"id":"p1"}')
    assert (post.expand.author, post.expand.editors, post.expand.comments_via_post) == (None, [], [])


def test_a_record_is_the_same_whether_or_not_it_was_looked_into(p: Any):
    post, other = read(p, POST % ANN), read(p, POST % ANN)
    assert post.expand.author.name == "Ann"
    assert post == other
    assert copy.deepcopy(post) == post
    assert msgspec.json.decode(msgspec.json.encode(post), type=p.PostRecord) == post
    assert pickle.loads(pickle.dumps(post)).expand.author.name == "Ann"


def test_a_record_shows_its_fields_and_nothing_of_ours(p: Any):
    assert repr(read(p, POST % ANN)).startswith("PostRecord(id='p1', title='One', views=0, ")
    assert "hf_" not in repr(read(p, POST % ANN))


def test_an_expanded_record_of_another_shape_says_that_the_package_may_be_old(p: Any):
    post = read(p, POST % '{"id":5}')
    assert post.title == "One"
    with pytest.raises(p.UnreadableAnswer, match="older"):
        _ = post.expand.author
