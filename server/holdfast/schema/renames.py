"""Which fields have got new names from one state of a collection to the next. Pure."""

from holdfast.schema.collection import Collection


def new_names(old: Collection, new: Collection) -> dict[str, str]:
    """Old name to new name, of the fields that are still there under another one."""
    after = {field.id: field.name for field in new.fields}
    return {field.name: after[field.id] for field in old.fields if after.get(field.id, field.name) != field.name}
