"""The page that the links in mails lead to. What is done with a link's token, its script reads after the #.

The links lead to `/_/#/auth/…`, as PocketBase's do: the console's page sends who comes with one on to here.
"""

from pathlib import Path
from typing import Final

import litestar
from litestar.enums import MediaType

from holdfast.http.litestar import as_litestar
from holdfast.http.pages import page

PAGE: Final = Path(__file__).with_name("links.html")


@litestar.get(
    "/_/links", summary="The page that the links in mails lead to", tags=["server"], media_type=MediaType.HTML
)
async def link_page() -> litestar.Response[bytes]:
    """Show the page. It is the same for everybody: the token is in the part of the address that browsers keep."""
    return as_litestar(page(PAGE))


HANDLERS: Final = (link_page,)
