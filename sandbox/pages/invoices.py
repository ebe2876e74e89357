"""Hosted invoices: what is owed, to be paid with a card or by an answer to one's bank."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.errors import CardRefusal
from sandbox.pages.card_form import NOT_AUTHENTICATED, TEST_CARDS, card_in, filled
from sandbox.pages.rendering import engine_of, form, refusing, render, see

PAID = "Thank you: it is paid."


async def _invoice(request: Request) -> Response:
    given = dict(request.query_params)
    return await _page(request, given, NOT_AUTHENTICATED if given.get("failed") == "authentication" else None)


async def _page(request: Request, given: dict[str, str], problem: str | None = None, param: str | None = None) -> Response:
    invoice = await engine_of(request).invoice(request.path_params["id"])
    notice = PAID if given.get("done") == "paid" and invoice["status"] == "paid" else None
    shown = {"invoice": invoice, "values": filled(given), "cards": TEST_CARDS, "notice": notice}
    return render(request, "invoice.html", status=402 if request.method == "POST" else 200, problem=problem, param=param, **shown)


async def _pay(request: Request) -> Response:
    given = await form(request)
    try:
        result = await engine_of(request).pay_invoice(request.path_params["id"], card_in(given))
    except CardRefusal as refusal:
        return await _page(request, given, refusal.message, refusal.param)
    if result.redirect_url is None:
        return await _page(request, given, result.message, result.param)
    return see(f"{result.redirect_url}?done=paid" if result.status == "succeeded" else result.redirect_url)


ROUTES = [
    Route("/invoices/{id}", refusing(_invoice), methods=["GET"]),
    Route("/invoices/{id}", refusing(_pay), methods=["POST"]),
]
