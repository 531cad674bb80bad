"""The record of somebody who is new: what their provider says of them, in the fields that are meant for it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.auth.changing import random_password
from holdfast.auth.oauth2_profile import Profile
from holdfast.schema.auth_options import auth_options
from holdfast.schema.collection import Collection
from holdfast.schema.field import FieldError


def new_values(collection: Collection, profile: Profile, given: Mapping[str, Any]) -> dict[str, Any]:
    """The body that creates the record. What the app gives (`createData`) comes before what the provider says.

    A password that nobody knows is set, unless the app gives one.
    """
    values = dict(given)
    if not values.get("email"):
        values["email"] = profile.email
    if not values.get("password"):
        values |= random_password()
    for name, content in _mapped(collection, profile):
        values.setdefault(name, content)
    return values


def _mapped(collection: Collection, profile: Profile) -> Iterator[tuple[str, str]]:
    mapped = auth_options(collection.auth).oauth2.mapped_fields
    if mapped.id:
        yield mapped.id, profile.id
    for name, content in (
        (mapped.name, profile.name),
        (mapped.username, profile.username),
        (mapped.avatar_url, profile.avatar_url),
    ):
        if name and content and _takes(collection, name, content):
            yield name, content


def _takes(collection: Collection, name: str, content: str) -> bool:
    """Whether a field can hold it. A file field cannot hold an address: its picture is left out."""
    field = collection.by_name.get(name)
    if field is None or field.type == "file":
        return False
    try:
        field.take(field.initial(content))
    except FieldError:
        return False
    return True
