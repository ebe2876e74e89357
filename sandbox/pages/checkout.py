"""Hosted checkout, a payment page for payment intents, and the bank's 3-D Secure page."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.cards import CardForm
from sandbox.debits import TEST_ACCOUNTS, BankForm
from sandbox.errors import CardRefusal, Refusal
from sandbox.pages.card_form import NOT_AUTHENTICATED, TEST_CARDS, card_in, filled
from sandbox.pages.rendering import configuration_of, engine_of, form, refusing, render, see
from sandbox.submission import Buyer
from sandbox.views import PaymentResult


async def _checkout(request: Request) -> Response:
    given = dict(request.query_params)
    return await _checkout_page(request, given, NOT_AUTHENTICATED if given.get("failed") == "authentication" else None)


async def _checkout_page(request: Request, given: dict[str, str], problem: str | None = None, param: str | None = None) -> Response:
    view = await engine_of(request).checkout(request.path_params["id"])
    session = view.session
    if session["status"] != "open":
        return render(request, "closed.html", session=session, success_url=_success(session))
    known = given if given.get("email") else given | {"email": session["customer_email"] or ""}
    debit = next((kind for kind in session["payment_method_types"] if kind != "card"), None)
    shown = {"session": session, "items": view.line_items, "values": filled(known), "cards": TEST_CARDS, "debit": debit}
    shown["accounts"] = TEST_ACCOUNTS[debit] if debit else ()
    return render(request, "checkout.html", status=402 if request.method == "POST" else 200, problem=problem, param=param, **shown)


async def _pay(request: Request) -> Response:
    given = await form(request)
    engine, session_id = engine_of(request), request.path_params["id"]
    try:
        buyer = Buyer(email=given.get("email", "")[:320], name=given.get("name", "")[:200])
        result = await engine.submit_checkout(session_id, _means(given), buyer)
    except CardRefusal as refusal:
        return await _checkout_page(request, given, refusal.message, refusal.param)
    except Refusal as refusal:
        session = (await engine.checkout(session_id)).session
        if session["status"] == "complete":
            return see(_success(session))
        return await _checkout_page(request, given, refusal.message)
    if result.redirect_url is None:
        return await _checkout_page(request, given, result.message, result.param)
    return see(result.redirect_url)


def _means(given: dict[str, str]) -> CardForm | BankForm:
    if given.get("debit"):
        return BankForm(given["debit"][:20], given.get("account", "")[:60])
    return card_in(given)


async def _promotion_code(request: Request) -> Response:
    given = await form(request)
    session_id = request.path_params["id"]
    written = given.get("promotion_code", "")[:500] if given.get("answer") != "remove" else None
    try:
        await engine_of(request).apply_promotion_code(session_id, written)
    except Refusal as refusal:
        return await _checkout_page(request, given, refusal.message, "promotion_code")
    return see(f"{configuration_of(request).public_url}/checkout/{session_id}")


async def _expire(request: Request) -> Response:
    await form(request)
    session = await engine_of(request).expire_checkout(request.path_params["id"])
    return see(f"{configuration_of(request).public_url}/checkout/{session['id']}")


def _success(session: dict[str, object]) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", str(session["id"]))


async def _authentication(request: Request) -> Response:
    secret = request.query_params.get("client_secret", "")
    result = await engine_of(request).authentication(request.path_params["id"], secret)
    return render(request, "authentication.html", intent=result.payment_intent, client_secret=secret)


async def _authenticate(request: Request) -> Response:
    given = await form(request)
    intent_id, secret = request.path_params["id"], given.get("client_secret", "")
    authenticated = given.get("answer") == "complete"
    result = await engine_of(request).finish_authentication(intent_id, secret, authenticated=authenticated)
    address = result.redirect_url or f"{configuration_of(request).public_url}/pay/{intent_id}?client_secret={secret}"
    return see(address if authenticated else f"{address}{'&' if '?' in address else '?'}failed=authentication")


async def _payment(request: Request) -> Response:
    secret = request.query_params.get("client_secret", "")
    result = await engine_of(request).authentication(request.path_params["id"], secret)
    return _payment_page(request, result, secret, dict(request.query_params))


def _payment_page(request: Request, result: PaymentResult, secret: str, given: dict[str, str]) -> Response:
    return render(
        request,
        "payment.html",
        intent=result.payment_intent,
        client_secret=secret,
        values=filled(given),
        cards=TEST_CARDS,
        problem=result.message,
        param=result.param,
    )


async def _confirm(request: Request) -> Response:
    given = await form(request)
    intent_id, secret = request.path_params["id"], given.get("client_secret", "")
    back = f"{configuration_of(request).public_url}/pay/{intent_id}?client_secret={secret}"
    try:
        result = await engine_of(request).pay_intent(intent_id, secret, card_in(given), back)
    except CardRefusal as refusal:
        result = await engine_of(request).authentication(intent_id, secret)
        result = PaymentResult("declined", message=refusal.message, param=refusal.param, payment_intent=result.payment_intent)
    if result.redirect_url is not None:
        return see(result.redirect_url)
    if result.payment_intent is None:
        result = PaymentResult(
            result.status,
            message=result.message,
            param=result.param,
            payment_intent=(await engine_of(request).authentication(intent_id, secret)).payment_intent,
        )
    return _payment_page(request, result, secret, given)


ROUTES = [
    Route("/checkout/{id}", refusing(_checkout), methods=["GET"]),
    Route("/checkout/{id}", refusing(_pay), methods=["POST"]),
    Route("/checkout/{id}/promotion_code", refusing(_promotion_code), methods=["POST"]),
    Route("/checkout/{id}/expire", refusing(_expire), methods=["POST"]),
    Route("/authenticate/{id}", refusing(_authentication), methods=["GET"]),
    Route("/authenticate/{id}", refusing(_authenticate), methods=["POST"]),
    Route("/pay/{id}", refusing(_payment), methods=["GET"]),
    Route("/pay/{id}", refusing(_confirm), methods=["POST"]),
]
