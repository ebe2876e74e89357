"""What the seller sees: where everything is, and the events with their deliveries."""

import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from sandbox.pages.card_form import TEST_CARDS
from sandbox.pages.rendering import HEADERS, configuration_of, engine_of, form, refusing, render, see

SHOWN = 50
"""Events on one page."""


async def _start(request: Request) -> Response:
    configuration = configuration_of(request)
    return render(request, "start.html", cards=TEST_CARDS, webhook_url=configuration.webhook_url, events=await engine_of(request).events(5))


async def _events(request: Request) -> Response:
    before = request.query_params.get("before") or None
    views = await engine_of(request).events(SHOWN + 1, before)
    bodies = {view.event["id"]: json.dumps(view.event, indent=2) for view in views}
    older = views[SHOWN - 1].event["id"] if len(views) > SHOWN else None
    return render(request, "events.html", views=views[:SHOWN], bodies=bodies, older=older)


async def _send_again(request: Request) -> Response:
    await form(request)
    await engine_of(request).send_again(request.path_params["id"])
    return see(f"{configuration_of(request).public_url}/events#{request.path_params['id']}")


async def _style(_: Request) -> Response:

    return FileResponse(Path(__file__).parent / "style.css", headers=HEADERS | {"cache-control": "max-age=60"}, media_type="text/css")


ROUTES = [
    Route("/", refusing(_start), methods=["GET"]),
    Route("/events", refusing(_events), methods=["GET"]),
    Route("/events/{id}", refusing(_send_again), methods=["POST"]),
    Route("/style.css", _style, methods=["GET"]),
]
