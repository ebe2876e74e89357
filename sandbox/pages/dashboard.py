"""What the seller sees: where everything is, and the events with their deliveries."""

import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from sandbox.account import AFTER_RETRIES, Settings
from sandbox.disputing import CLOSED
from sandbox.errors import Refusal
from sandbox.pages.card_form import TEST_CARDS
from sandbox.pages.rendering import HEADERS, configuration_of, engine_of, form, refusing, render, see

SHOWN = 50
"""Events on one page."""


async def _start(request: Request) -> Response:
    configuration = configuration_of(request)
    events = await engine_of(request).events(5)
    now = request.app.state.sandbox.clock.now()
    account = engine_of(request).account()
    shown = {"cards": TEST_CARDS, "webhook_url": configuration.webhook_url, "events": events, "now": now, "choices": AFTER_RETRIES}
    return render(request, "start.html", status=200, settings=account, **shown)


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


async def _disputes(request: Request) -> Response:
    disputes, charges = await engine_of(request).disputes()
    return render(request, "disputes.html", disputes=disputes, charges=charges, closed=CLOSED)


async def _open_dispute(request: Request) -> Response:
    dispute = await engine_of(request).open_dispute((await form(request)).get("charge", ""))
    return see(f"{configuration_of(request).public_url}/disputes#{dispute['id']}")


async def _close_dispute(request: Request) -> Response:
    given = await form(request)
    dispute = await engine_of(request).close_dispute(request.path_params["id"], won=given.get("answer") == "won")
    return see(f"{configuration_of(request).public_url}/disputes#{dispute['id']}")


async def _advance(request: Request) -> Response:
    days = (await form(request)).get("days", "")
    if not days.isascii() or not days.isdigit() or len(days) > 4:
        raise Refusal("Write how many days time is to be moved by.", param="days")
    await engine_of(request).advance(int(days) * 86400)
    return see(f"{configuration_of(request).public_url}/")


async def _account(request: Request) -> Response:
    given = await form(request)
    days = [part.strip() for part in given.get("retry_days", "").split(",") if part.strip()]
    if not all(part.isascii() and part.isdigit() and len(part) <= 3 for part in days):
        raise Refusal("Write the days from try to try as numbers: 3, 5, 7.", param="retry_days")
    if given.get("portal") not in {"yes", "no"}:
        raise Refusal("Say whether the account has a default portal configuration: yes or no.", param="portal")
    retry_days = tuple(int(part) for part in days)
    engine_of(request).set_account(Settings(given.get("after_retries", ""), retry_days, portal=given["portal"] == "yes"))
    return see(f"{configuration_of(request).public_url}/")


async def _style(_: Request) -> Response:
    return FileResponse(Path(__file__).parent / "style.css", headers=HEADERS | {"cache-control": "max-age=60"}, media_type="text/css")


ROUTES = [
    Route("/", refusing(_start), methods=["GET"]),
    Route("/events", refusing(_events), methods=["GET"]),
    Route("/events/{id}", refusing(_send_again), methods=["POST"]),
    Route("/disputes", refusing(_disputes), methods=["GET"]),
    Route("/disputes", refusing(_open_dispute), methods=["POST"]),
    Route("/disputes/{id}", refusing(_close_dispute), methods=["POST"]),
    Route("/clock", refusing(_advance), methods=["POST"]),
    Route("/account", refusing(_account), methods=["POST"]),
    Route("/style.css", _style, methods=["GET"]),
]
