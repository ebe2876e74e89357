"""The customer portal: its home, and each task of it."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.errors import CardRefusal, Refusal, missing
from sandbox.pages.card_form import TEST_CARDS, card_in, filled
from sandbox.pages.rendering import configuration_of, engine_of, form, refusing, render, see
from sandbox.portal_views import Plan, PortalView
from sandbox.shapes import Json
from sandbox.switching import Choice

NOTICES = {
    "canceled": "The plan ends with its period.",
    "ended": "The plan has ended.",
    "resumed": "The plan goes on.",
    "switched": "The plan was changed.",
    "card": "The card was replaced.",
    "customer": "Your details were changed.",
}
DETAILS = ("name", "email", "phone")
TASKS = {"payment_method_update": "card", "customer_update": "customer", "subscription_cancel": "cancel"}
"""Flows that are a page of the session's own."""


def _address(request: Request, rest: str = "") -> str:
    return f"{configuration_of(request).public_url}/portal/{request.path_params['id']}{rest}"


async def _view(request: Request) -> PortalView:
    return await engine_of(request).portal(request.path_params["id"])


async def _portal(request: Request) -> Response:
    view = await _view(request)
    given = dict(request.query_params)
    if view.flow is None:
        return render(request, "portal.html", view=view, products=view.products, notice=NOTICES.get(given.get("done", "")))
    kind = view.flow["type"]
    if kind in TASKS:
        return await _task(request, TASKS[kind], given)
    subscription = view.flow[kind]["subscription"]
    if kind == "subscription_update":
        return await _choice_page(request, view, subscription)
    (item,) = view.flow[kind]["items"]
    return await _confirm_page(request, view, subscription, Choice(item["price"], item["quantity"]))


async def _task(request: Request, task: str, given: dict[str, str], refusal: Refusal | None = None) -> Response:
    """The page of a task: another card, one's details, or the end of a plan (`subscription` in what is given, or of the flow)."""
    view = await _view(request)
    customer = {name: view.customer[name] or "" for name in DETAILS}
    shown: dict[str, object] = {"view": view, "values": filled(customer | given), "cards": TEST_CARDS, "customer": customer, "plan": None}
    shown |= {"problem": refusal and refusal.message, "param": refusal and refusal.param}
    if task == "cancel":
        flow = (view.flow or {}).get("subscription_cancel") or {}
        shown["plan"] = _plan(view, flow.get("subscription") or given.get("subscription", ""))
    return render(request, f"portal_{task}.html", status=200 if refusal is None else 402, **shown)


def _plan(view: PortalView, subscription_id: str) -> Plan:
    for plan in view.plans:
        if plan.subscription["id"] == subscription_id:
            return plan
    raise missing("subscription", subscription_id[:100])


async def _card_page(request: Request) -> Response:
    return await _task(request, "card", dict(request.query_params))


async def _customer_page(request: Request) -> Response:
    return await _task(request, "customer", dict(request.query_params))


async def _cancel_page(request: Request) -> Response:
    return await _task(request, "cancel", dict(request.query_params))


async def _choose(request: Request) -> Response:
    return await _choice_page(request, await _view(request), request.path_params["subscription"])


async def _choice_page(request: Request, view: PortalView, subscription_id: str, problem: str | None = None) -> Response:
    plan = _plan(view, subscription_id)
    if not plan.offers:
        raise Refusal("This plan cannot be changed here.", status=403)
    return render(request, "portal_choose.html", status=200 if problem is None else 402, view=view, plan=plan, problem=problem)


async def _confirm(request: Request) -> Response:
    view, subscription_id = await _view(request), request.path_params["subscription"]
    try:
        return await _confirm_page(request, view, subscription_id, _choice(dict(request.query_params)))
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        return await _choice_page(request, view, subscription_id, refusal.message)


async def _confirm_page(request: Request, view: PortalView, subscription_id: str, choice: Choice, problem: str | None = None) -> Response:
    plan = _plan(view, subscription_id)
    preview = await engine_of(request).preview_switch(request.path_params["id"], subscription_id, choice)
    status = 200 if problem is None else 402
    return render(request, "portal_confirm.html", status=status, view=view, plan=plan, preview=preview, problem=problem)


def _choice(given: dict[str, str]) -> Choice:
    quantity = given.get("quantity", "")
    if quantity and not (quantity.isascii() and quantity.isdigit() and len(quantity) <= 6):
        raise Refusal("The quantity must be a whole number.", param="quantity")
    return Choice(given.get("price", "")[:100] or None, int(quantity) if quantity else None)


async def _switch(request: Request) -> Response:
    given = await form(request)
    subscription_id, at = given.get("subscription", "")[:100], given.get("at", "")
    choice = _choice(given)
    seen = int(at) if at.isascii() and at.isdigit() and len(at) <= 12 else None
    try:
        await engine_of(request).switch_plan(request.path_params["id"], subscription_id, choice, seen)
    except Refusal as refusal:
        if refusal.kind != "card_error":
            raise
        return await _confirm_page(request, await _view(request), subscription_id, choice, refusal.message)
    return await _done(request, "switched")


async def _cancel(request: Request) -> Response:
    given = await form(request)
    ended = await engine_of(request).cancel_subscription(request.path_params["id"], given.get("subscription", ""), given.get("feedback"))
    return await _done(request, "ended" if ended["status"] == "canceled" else "canceled")


async def _resume(request: Request) -> Response:
    given = await form(request)
    await engine_of(request).resume_subscription(request.path_params["id"], given.get("subscription", ""))
    return await _done(request, "resumed")


async def _replace_card(request: Request) -> Response:
    given = await form(request)
    try:
        await engine_of(request).replace_card(request.path_params["id"], card_in(given), given.get("name", "")[:200])
    except CardRefusal as refusal:
        return await _task(request, "card", given, refusal)
    return await _done(request, "card")


async def _update_customer(request: Request) -> Response:
    given = await form(request)
    details = {name: given[name].strip()[:320] for name in DETAILS if name in given}
    await engine_of(request).update_customer(request.path_params["id"], details)
    return await _done(request, "customer")


async def _done(request: Request, what: str) -> Response:
    """Where a task that is done leads: home, or what the flow says."""
    after: Json | None = await engine_of(request).finish_flow(request.path_params["id"])
    if after is not None and after["type"] == "redirect":
        return see(after["redirect"]["return_url"])
    if after is not None and after["type"] == "hosted_confirmation":
        return see(_address(request, f"/finished?done={what}"))
    return see(_address(request, f"?done={what}"))


async def _finished(request: Request) -> Response:
    view = await _view(request)
    hosted = (view.session["flow"] or {}).get("after_completion", {}).get("hosted_confirmation") or {}
    said = NOTICES.get(request.query_params.get("done", ""), "It is done.")
    return render(request, "portal_finished.html", view=view, message=hosted.get("custom_message") or said)


ROUTES = [
    Route("/portal/{id}", refusing(_portal), methods=["GET"]),
    Route("/portal/{id}/card", refusing(_card_page), methods=["GET"]),
    Route("/portal/{id}/card", refusing(_replace_card), methods=["POST"]),
    Route("/portal/{id}/customer", refusing(_customer_page), methods=["GET"]),
    Route("/portal/{id}/customer", refusing(_update_customer), methods=["POST"]),
    Route("/portal/{id}/cancel", refusing(_cancel_page), methods=["GET"]),
    Route("/portal/{id}/cancel", refusing(_cancel), methods=["POST"]),
    Route("/portal/{id}/resume", refusing(_resume), methods=["POST"]),
    Route("/portal/{id}/finished", refusing(_finished), methods=["GET"]),
    Route("/portal/{id}/subscriptions/{subscription}", refusing(_choose), methods=["GET"]),
    Route("/portal/{id}/subscriptions/{subscription}/confirm", refusing(_confirm), methods=["GET"]),
    Route("/portal/{id}/update", refusing(_switch), methods=["POST"]),
]
