"""The first run of a server that is to go on where another one was: a backup in place of the first superuser."""

from typing import Final

from holdfast.audit.author import Author
from holdfast.auth.setup import check_setup_token
from holdfast.backups import schemas
from holdfast.backups.restoring import Prepare, RestoreWanted
from holdfast.backups.routes import accepted, take_upload
from holdfast.backups.works import Works
from holdfast.engine import Engine
from holdfast.http.request import Request
from holdfast.http.response import Response
from holdfast.http.routing import Parameter, Route

PATH: Final = "/api/setup/restore"
BY: Final = "the first run"
TOKEN: Final = b"x-setup-token"  # and no part of the address, which proxies write into their logs


def first_run_routes(works: Works, prepare: Prepare) -> tuple[Route, ...]:
    """The route of a process whose work on backups is `works`."""

    async def restore(engine: Engine, request: Request) -> Response:
        token = request.header(TOKEN)
        await check_setup_token(engine.pool, token)
        author = Author.of(request)
        key = await take_upload(engine, request, author, again=True)  # of a process that was killed over it
        try:
            # An upload may take long: somebody may have set the server up meanwhile, and would lose all of it.
            await check_setup_token(engine.pool, token)
            # There is nothing yet that could be lost. Who cannot log in cannot delete what failed, to try it again.
            wanted = RestoreWanted(key=key, safety=False, by=BY, first=True)
            begun = await works.restore(engine, author, wanted, prepare)
        except BaseException:
            await engine.backups.delete([key])
            raise
        return await accepted(engine, begun)

    return (
        Route(
            method="POST",
            path=PATH,
            handler=restore,
            summary="Restore a backup in place of making the first superuser",
            description="For who has the setup link: 404 once there is a superuser. A form with the archive as `file`.",
            tag="backups",
            access="anyone",
            parameters=(Parameter("X-Setup-Token", "What the setup link carries.", required=True, place="header"),),
            later=schemas.JOB,
            status=202,
            errors=(403, 409, 413, 415, 503),
        ),
    )
