"""What is kept of compiled statements."""

from holdfast.db.plans import Plans


def test_a_plan_is_found_under_its_key():
    plans = Plans()
    plans.put((1, "a"), "plan")
    assert plans.get((1, "a")) == "plan"
    assert plans.get((2, "a")) is None


def test_the_one_not_used_for_longest_goes():
    plans = Plans(limit=2)
    plans.put("a", 1)
    plans.put("b", 2)
    plans.get("a")
    plans.put("c", 3)
    assert (plans.get("a"), plans.get("b"), plans.get("c"), len(plans)) == (1, None, 3, 2)


def test_a_plan_that_is_put_again_is_kept_once():
    plans = Plans(limit=2)
    plans.put("a", 1)
    plans.put("b", 2)
    plans.put("a", 3)
    plans.put("c", 4)
    assert (plans.get("a"), plans.get("b"), len(plans)) == (3, None, 2)
