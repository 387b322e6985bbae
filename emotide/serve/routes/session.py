"""The dashboard's page keeps its token where no script can read it: in a cookie of this site alone."""

from fastapi import APIRouter, Request, Response

from emotide.serve.bodies import Done
from emotide.serve.door import COOKIE, token_of
from emotide.serve.service import allows
from emotide.serve.tokens import Scope

router = APIRouter(prefix="/v1", tags=["watching"])


@router.post("/session", dependencies=[allows(Scope.read)])
async def begin(request: Request, response: Response) -> Done:
    """Keep the token that was sent until the browser is closed."""
    token = token_of(request.headers)
    if token is not None:
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure)
    return Done(done="kept" if token is not None else "none is needed")


@router.delete("/session", dependencies=[allows(Scope.read)])
async def end(response: Response) -> Done:
    """Forget it."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return Done(done="forgotten")
