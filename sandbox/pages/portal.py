"""The customer portal and hosted invoices."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.errors import CardRefusal
from sandbox.pages.card_form import NOT_AUTHENTICATED, TEST_CARDS, card_in, filled
from sandbox.pages.rendering import configuration_of, engine_of, form, refusing, render, see

NOTICES = {
    "canceled": "The plan ends with its period.",
    "resumed": "The plan goes on.",
    "card": "The card was replaced.",
    "paid": "Thank you: it is paid.",
}


async def _portal(request: Request) -> Response:
    return await _portal_page(request, dict(request.query_params))


async def _portal_page(request: Request, given: dict[str, str], problem: str | None = None, param: str | None = None) -> Response:
    view = await engine_of(request).portal(request.path_params["id"])
    customer = {"email": view.customer["email"] or "", "name": view.customer["name"] or ""}
    shown = {"view": view, "values": filled(customer | given), "cards": TEST_CARDS, "notice": NOTICES.get(given.get("done", ""))}
    return render(request, "portal.html", status=402 if problem else 200, problem=problem, param=param, **shown)


def _back(request: Request, done: str) -> Response:
    return see(f"{configuration_of(request).public_url}/portal/{request.path_params['id']}?done={done}")


async def _cancel(request: Request) -> Response:
    given = await form(request)
    await engine_of(request).cancel_subscription(request.path_params["id"], given.get("subscription", ""))
    return _back(request, "canceled")


async def _resume(request: Request) -> Response:
    given = await form(request)
    await engine_of(request).resume_subscription(request.path_params["id"], given.get("subscription", ""))
    return _back(request, "resumed")


async def _replace_card(request: Request) -> Response:
    given = await form(request)
    try:
        await engine_of(request).replace_card(request.path_params["id"], card_in(given), given.get("name", "")[:200])
    except CardRefusal as refusal:
        return await _portal_page(request, given, refusal.message, refusal.param)
    return _back(request, "card")


async def _invoice(request: Request) -> Response:
    given = dict(request.query_params)
    return await _invoice_page(request, given, NOT_AUTHENTICATED if given.get("failed") == "authentication" else None)


async def _invoice_page(request: Request, given: dict[str, str], problem: str | None = None, param: str | None = None) -> Response:
    invoice = await engine_of(request).invoice(request.path_params["id"])
    shown = {"invoice": invoice, "values": filled(given), "cards": TEST_CARDS, "notice": NOTICES.get(given.get("done", ""))}
    return render(request, "invoice.html", status=402 if request.method == "POST" else 200, problem=problem, param=param, **shown)


async def _pay_invoice(request: Request) -> Response:
    given = await form(request)
    try:
        result = await engine_of(request).pay_invoice(request.path_params["id"], card_in(given))
    except CardRefusal as refusal:
        return await _invoice_page(request, given, refusal.message, refusal.param)
    if result.redirect_url is None:
        return await _invoice_page(request, given, result.message, result.param)
    return see(f"{result.redirect_url}?done=paid" if result.status == "succeeded" else result.redirect_url)


ROUTES = [
    Route("/portal/{id}", refusing(_portal), methods=["GET"]),
    Route("/portal/{id}/cancel", refusing(_cancel), methods=["POST"]),
    Route("/portal/{id}/resume", refusing(_resume), methods=["POST"]),
    Route("/portal/{id}/card", refusing(_replace_card), methods=["POST"]),
    Route("/invoices/{id}", refusing(_invoice), methods=["GET"]),
    Route("/invoices/{id}", refusing(_pay_invoice), methods=["POST"]),
]
