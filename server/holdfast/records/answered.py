"""What a caller is shown of a record that they have just written. Pure."""

from holdfast.rules.access import Access, Grant
from holdfast.rules.speaks import speak_of
from holdfast.schema.collection import Collection

# A statement that writes gives its answer when the row before is gone, and what was sent is no longer the question.
_OF_THE_WRITE = ("@previous", "@request.body")


def shown_after(collection: Collection, write: Access, view: Access) -> Access:
    """The ways in that decide which fields of a written record go out.

    Who may write a record gets it back, even where they could not view it: the fields that every way by which they
    may write lets be read, in any case; those of some of these ways, and of the ways to view it, where they hold.
    """
    if write.everything:
        return write
    sure = tuple(field.name for field in collection.fields if all(grant.reads(field) for grant in write.grants))
    told = tuple(grant for grant in write.grants if not speak_of((grant.rule,), *_OF_THE_WRITE))
    return Access((Grant("write", "", read=sure), *told, *view.grants))
