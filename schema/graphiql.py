"""GraphiQL at /graphiql, from files of the repository: nothing is loaded from another host (see web/LICENSES.md)."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

FOLDER: Final = Path(__file__).parent.parent / "web" / "graphiql"

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: its own files alone, nothing inline, no frames."""


def graphiql_routes(viewers: Callable[[], list[dict[str, str]]] | None) -> list[BaseRoute]:
    """The page, its files and, where `viewers` is given, /graphiql/viewers.json: a list of `label` and `token` to sign in with.

    Hand `viewers` over in development alone: whoever reaches the page can be anybody of them.
    """
    page = (FOLDER / "index.html").read_text(encoding="utf-8").replace("{viewers}", "/graphiql/viewers.json" if viewers else "")

    def show(_: Request) -> Response:
        return HTMLResponse(page, headers={"content-security-policy": POLICY})

    routes: list[BaseRoute] = [Route("/graphiql", show), Mount("/graphiql/assets", StaticFiles(directory=FOLDER / "assets"))]
    return [Route("/graphiql/viewers.json", _listing(viewers)), *routes] if viewers else routes


def _listing(viewers: Callable[[], list[dict[str, str]]]) -> Callable[[Request], Response]:
    def listed(_: Request) -> Response:
        return JSONResponse(viewers(), headers={"cache-control": "no-store"})

    return listed
