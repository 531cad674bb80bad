"""A rule test: a case that says who may do what. Read from a body, checked, and written as the API has it. Pure."""

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, cast

import msgspec

from holdfast.access.question import Asker, Question, read_question
from holdfast.errors import Problem, Problems, ValidationFailed
from holdfast.schema.field import EMPTY_MESSAGE

Expected: TypeAlias = Literal["allowed", "refused"]
EXPECTED: Final = ("allowed", "refused")
_OWN_KEYS: Final = frozenset(("id", "name", "collection", "given", "expect", "created", "updated"))
MAX_NAME_CHARS: Final = 200
MAX_GIVEN: Final = 100
"""How many records a case may bring along."""


class RuleTest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A case: with the records of `given` made first, `question` has to end as `expect` says.

    `given` has the records by the names of their collections. `collection_id` is the one that the question is about.
    """

    id: str
    name: str
    collection_id: str
    question: Question
    expect: Expected
    given: Mapping[str, tuple[Mapping[str, Any], ...]] = {}
    created: str = ""
    updated: str = ""


def read_rule_test(body: Mapping[str, Any], id: str, collection_id: str) -> RuleTest:
    """The case in a JSON body. Raises ValidationFailed with everything that is wrong."""
    problems: dict[str, Problem | Problems] = {}
    question = Question(action="list")
    try:
        question = read_question(body, _OWN_KEYS)
    except ValidationFailed as failure:
        problems.update(failure.data)
    if question.action == "list" and not question.record_id and not problems:
        problems["recordId"] = Problem("validation_required", "A test of a list names a record that is in it, or not.")
    name = _name(body.get("name"), problems)
    expect = body.get("expect")
    if expect not in EXPECTED:
        code = "validation_invalid_value" if expect else "validation_required"
        problems["expect"] = Problem(code, f"Must be one of {', '.join(EXPECTED)}.")
    given = _given(body.get("given"), problems)
    if problems:
        raise ValidationFailed(problems)
    expected = cast(Expected, expect)
    return RuleTest(id=id, name=name, collection_id=collection_id, question=question, expect=expected, given=given)


def rule_test_json(test: RuleTest, collection: str) -> dict[str, Any]:
    """The case as the API writes it; `collection` is the name of its collection. What was not said is left out."""
    question = test.question
    found: dict[str, Any] = {
        "id": test.id,
        "name": test.name,
        "collection": collection,
        "as": _asker_json(question.asker),
        "action": question.action,
        "recordId": question.record_id,
        "body": question.body,
        "query": question.query,
        "headers": question.headers,
        "method": question.method,
        "context": question.context,
        "given": test.given,
        "expect": test.expect,
        "created": test.created,
        "updated": test.updated,
    }
    return {key: content for key, content in found.items() if content or key == "as"}


def _asker_json(asker: Asker) -> dict[str, str] | None:
    if asker.key:
        return {"key": asker.key}
    if asker.role:
        return {"role": asker.role}
    return {"collection": asker.collection, "id": asker.id} if asker.collection else None


def _name(given: Any, problems: dict[str, Problem | Problems]) -> str:
    if not isinstance(given, str) or not given.strip():
        problems["name"] = Problem("validation_required", EMPTY_MESSAGE)
        return ""
    if len(given) > MAX_NAME_CHARS:
        problems["name"] = Problem("validation_max_text_constraint", f"Must have at most {MAX_NAME_CHARS} characters.")
    return given.strip()


def _given(given: Any, problems: dict[str, Problem | Problems]) -> dict[str, tuple[Mapping[str, Any], ...]]:
    if given is None:
        return {}
    shape = "Must be an object of lists of records, by collection."
    if not isinstance(given, dict):
        problems["given"] = Problem("validation_invalid_value", shape)
        return {}
    found: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for name, records in cast("dict[str, Any]", given).items():
        listed = cast("list[Any]", records) if isinstance(records, list) else []
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in listed):
            problems["given"] = {name: Problem("validation_invalid_value", shape)}
            return {}
        found[name] = tuple(listed)
    if sum(map(len, found.values())) > MAX_GIVEN:
        problems["given"] = Problem("validation_invalid_value", f"Must have at most {MAX_GIVEN} records.")
    return found
