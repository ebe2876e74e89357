"""/v1/refunds: all or part of a charge given back, at once, pending for a while, or failing later (by the card)."""

from stripe import params

from sandbox.booking import book
from sandbox.currencies import check_step, text
from sandbox.errors import InvalidParameters, Refusal, unexpected_state
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign, refuse_unsupported
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

SETTLES_AFTER = 60  # seconds until a pending refund succeeds, or a failing one fails


def create(tx: Transaction, call: Call) -> Json:
    """Refund a charge, or a payment intent's charge; the whole rest unless `amount` (minor units) says less.

    Raises charge_already_refunded when nothing is left, and an invalid_request_error when the amount is more than the rest.
    """
    refuse_unsupported(call, "origin", "customer", "refund_application_fee", "reverse_transfer")
    charge = _charge(tx, call)
    _check_undisputed(tx, charge)
    rest = charge["amount_captured"] - charge["amount_refunded"]
    if rest == 0:
        raise Refusal(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    amount = call.params.get("amount", rest)
    if amount < 1:
        raise InvalidParameters("This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount")
    if amount > rest:
        code = charge["currency"]
        raise Refusal(
            f"Refund amount ({text(amount, code)}) is greater than unrefunded amount on charge ({text(rest, code)})", param="amount"
        )
    if amount != rest:
        check_step(amount, charge["currency"])
    return _refund(tx, charge, amount, call)


def _check_undisputed(tx: Transaction, charge: Json) -> None:
    if any(not dispute["is_charge_refundable"] and dispute["status"] != "won" for dispute in tx.children("dispute", charge["id"])):
        raise Refusal(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")


def _charge(tx: Transaction, call: Call) -> Json:
    if not call.given("charge") and not call.given("payment_intent"):
        raise InvalidParameters(
            "One of the following params should be provided for this request: payment_intent or charge.", code="parameter_missing"
        )
    if call.given("charge"):
        charge = tx.get("charge", call.given("charge"), "charge")
        if call.given("payment_intent") not in {None, charge["payment_intent"]}:
            raise Refusal("The charge does not belong to the payment intent.", param="payment_intent")
    else:
        intent = tx.get("payment_intent", call.given("payment_intent"), "payment_intent")
        found = tx.find("charge", intent["latest_charge"])
        if found is None or found["status"] != "succeeded":
            raise unexpected_state(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", intent)
        charge = found
    if charge["status"] != "succeeded":
        raise Refusal(f"Charge {charge['id']} has not been paid and cannot be refunded.", code="charge_not_refundable", param="charge")
    return charge


def _refund(tx: Transaction, charge: Json, amount: int, call: Call) -> Json:
    kind = tx.private(charge["payment_method"]).get("refund", "succeeded")
    made = tx.new("refund", amount=amount, charge=charge["id"], currency=charge["currency"], payment_intent=charge["payment_intent"])
    made |= {"payment_method": charge["payment_method"], "customer": charge["customer"], "metadata": {}}
    made |= {"status": "pending" if kind == "pending" else "succeeded"}
    assign(made, call, "reason")
    made["destination_details"] = {"type": "card", "card": _reference(None)}
    made["balance_transaction"] = book(tx, made, -amount, 0, [], "refund")["id"]
    tx.add(made, parent=charge["id"], event="refund.created", outcome=kind)
    _add_up(tx, charge, "charge.refunded")
    if kind != "succeeded":
        tx.schedule(made["id"], tx.now + SETTLES_AFTER)
        return made
    made["destination_details"]["card"] = _reference("7920121500000000")
    return _updated(tx, made)


def _reference(reference: str | None) -> Json:
    status = "pending" if reference is None else "available"
    return {"reference": reference, "reference_status": status, "reference_type": "acquirer_reference_number", "type": "refund"}


def _updated(tx: Transaction, refund: Json) -> Json:
    tx.save(refund, "refund.updated")
    tx.emit("charge.refund.updated", refund)
    return refund


def _add_up(tx: Transaction, charge: Json, event: str) -> Json:
    given = [refund["amount"] for refund in tx.children("refund", charge["id"]) if refund["status"] in {"succeeded", "pending"}]
    charge |= {"amount_refunded": sum(given), "refunded": sum(given) == charge["amount_captured"]}
    return tx.save(charge, event)


def settle(tx: Transaction, refund: Json) -> None:
    """Finish a refund whose time has come: a pending one succeeds, a failing one fails and its money is the seller's again."""
    if tx.private(refund["id"]).get("outcome") == "failing":
        _undo(tx, refund, "failed", "unknown")
    elif refund["status"] == "pending":
        refund["destination_details"]["card"] = _reference("7920121500000000")
        _updated(tx, refund | {"status": "succeeded"})


def _undo(tx: Transaction, refund: Json, status: str, reason: str | None) -> Json:
    back = book(tx, refund, refund["amount"], 0, [], "refund_failure")
    refund |= {"status": status, "failure_balance_transaction": back["id"]}
    if reason is not None:
        refund["failure_reason"] = reason
    tx.save(refund)
    _add_up(tx, tx.get("charge", refund["charge"]), "charge.updated")
    if status == "failed":
        tx.emit("refund.failed", refund)
    else:
        tx.emit("refund.updated", refund, {"status": "pending"})
    tx.emit("charge.refund.updated", refund)
    return refund


def cancel(tx: Transaction, call: Call) -> Json:
    """Cancel a refund that is pending."""
    refund = tx.get("refund", call.id, "refund")
    if refund["status"] != "pending":
        raise Refusal(f"Refund {refund['id']} has a status of {refund['status']}; only a pending refund can be canceled.")
    tx.schedule(refund["id"], None)
    return _undo(tx, refund, "canceled", None)


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a refund."""
    return tx.get("refund", call.id, "refund")


def update(tx: Transaction, call: Call) -> Json:
    """Change a refund's metadata; emits refund.updated."""
    return _updated(tx, assign(tx.get("refund", call.id, "refund"), call))


def listing(tx: Transaction, call: Call) -> Json:
    """List refunds."""
    return page(tx, call, "refund", "/v1/refunds", Where(), ("charge", "payment_intent"))


ROUTES = [
    Route("POST", "/v1/refunds", create, params.RefundCreateParams),
    Route("GET", "/v1/refunds", listing, params.RefundListParams),
    Route("GET", "/v1/refunds/{id}", retrieve, params.RefundRetrieveParams),
    Route("POST", "/v1/refunds/{id}", update, params.RefundUpdateParams),
    Route("POST", "/v1/refunds/{id}/cancel", cancel, params.RefundCancelParams),
]
