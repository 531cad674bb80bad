"""The collections that every server has from its first start, as values, with PocketBase's names and ids."""

from typing import Final

import msgspec

from holdfast.schema.auth_options import (
    DAY,
    AuthOptions,
    AuthTokenOptions,
    MappedFields,
    OAuth2,
    store_auth_options,
    with_secrets,
)
from holdfast.schema.collection import Collection, Rule
from holdfast.schema.declared_indexes import login_indexes
from holdfast.schema.field import Field
from holdfast.schema.file import FileField
from holdfast.schema.index import index_text
from holdfast.schema.password import PasswordField
from holdfast.schema.system_fields import ROLES, collection_id, date_fields, field_id, id_field, system_fields
from holdfast.schema.text import TextField

SUPERUSERS: Final = "_superusers"
SUPERUSERS_ID: Final = "pbc_3142635823"
EXTERNAL_AUTHS: Final = "_externalAuths"
USERS: Final = "users"
USERS_ID: Final = "_pb_users_auth_"
AVATAR_TYPES: Final = ("image/jpeg", "image/png", "image/svg+xml", "image/gif", "image/webp")
_SELF: Final = "id = @request.auth.id"
_OWN: Final = "@request.auth.id != '' && recordRef = @request.auth.id && collectionRef = @request.auth.collectionId"


def system_collections() -> tuple[Collection, ...]:
    """All of them, with new secrets at every call: create only those that are missing."""
    return (_superusers(), _users(), _external_auths(), _mfas(), _otps(), _auth_origins())


def _superusers() -> Collection:
    """Who may do everything."""
    fields = tuple(
        msgspec.structs.replace(field, required=True) if field.name == "email" else field
        for field in system_fields("auth")
        if field.name != ROLES  # a superuser may do everything anyway
    )
    return _with_login_indexes(
        Collection(
            id=SUPERUSERS_ID,
            name=SUPERUSERS,
            type="auth",
            system=True,
            fields=(*fields, *date_fields(system=True)),
            auth=store_auth_options(with_secrets(AuthOptions(auth_token=AuthTokenOptions(DAY)))),
        )
    )


def _users() -> Collection:
    """The people of an app, to begin with: they see and change themselves, and anyone may join."""
    mapped = MappedFields(name="name", avatar_url="avatar")
    fields = (
        *system_fields("auth"),
        TextField(id=field_id("text", "name"), name="name", max=255),
        FileField(id=field_id("file", "avatar"), name="avatar", mime_types=AVATAR_TYPES),
        *date_fields(),
    )
    return _with_login_indexes(
        Collection(
            id=USERS_ID,
            name=USERS,
            type="auth",
            fields=fields,
            list_rule=_SELF,
            view_rule=_SELF,
            create_rule="",
            update_rule=_SELF,
            delete_rule=_SELF,
            auth=store_auth_options(with_secrets(AuthOptions(oauth2=OAuth2(mapped_fields=mapped)))),
        )
    )


def _with_login_indexes(collection: Collection) -> Collection:
    indexes = tuple(index_text(index, collection.name) for index in login_indexes(collection, ()))
    return msgspec.structs.replace(collection, indexes=indexes)


def _external_auths() -> Collection:
    """Which account of which OAuth2 provider belongs to whom."""
    return _of_somebody(
        EXTERNAL_AUTHS,
        (_text("provider"), _text("providerId")),
        "CREATE UNIQUE INDEX `idx_externalAuths_record_provider` ON `_externalAuths`"
        " (`collectionRef`, `recordRef`, `provider`)",
        "CREATE UNIQUE INDEX `idx_externalAuths_collection_provider` ON `_externalAuths`"
        " (`collectionRef`, `provider`, `providerId`)",
        delete_rule=_OWN,
    )


def _mfas() -> Collection:
    """First factors that wait for a second one."""
    return _of_somebody(
        "_mfas",
        (_text("method"),),
        "CREATE INDEX `idx_mfas_collectionRef_recordRef` ON `_mfas` (`collectionRef`, `recordRef`)",
    )


def _otps() -> Collection:
    """One-time passwords that were sent."""
    password = PasswordField(
        id=field_id("password", "password"), name="password", system=True, hidden=True, required=True, cost=8
    )
    sent_to = TextField(id=field_id("text", "sentTo"), name="sentTo", system=True, hidden=True)
    return _of_somebody(
        "_otps",
        (password, sent_to),
        "CREATE INDEX `idx_otps_collectionRef_recordRef` ON `_otps` (`collectionRef`, `recordRef`)",
    )


def _auth_origins() -> Collection:
    """From where people logged in before."""
    return _of_somebody(
        "_authOrigins",
        (_text("fingerprint"),),
        "CREATE UNIQUE INDEX `idx_authOrigins_unique_pairs` ON `_authOrigins`"
        " (`collectionRef`, `recordRef`, `fingerprint`)",
        delete_rule=_OWN,
    )


def _text(name: str) -> Field:
    return TextField(id=field_id("text", name), name=name, system=True, required=True)


def _of_somebody(name: str, fields: tuple[Field, ...], *indexes: str, delete_rule: Rule = None) -> Collection:
    """A collection of what belongs to a record of some auth collection, which is the only one to see it."""
    return Collection(
        id=collection_id("base", name),
        name=name,
        system=True,
        fields=(id_field(), _text("collectionRef"), _text("recordRef"), *fields, *date_fields(system=True)),
        indexes=indexes,
        list_rule=_OWN,
        view_rule=_OWN,
        delete_rule=delete_rule,
    )
