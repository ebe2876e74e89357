"""Disputes: a charge questioned by the payer's bank, the money withdrawn, evidence weighed, won or lost (docs.stripe.com/disputes)."""

from dataclasses import dataclass

import stripe

from sandbox.booking import book
from sandbox.errors import Refusal
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction

FEE = 1500
"""What Stripe takes for a dispute, in minor units; credited again when it is won."""

DUE_SECONDS = 9 * 86400
"""How long evidence may be handed in."""

WINNING, LOSING, ESCALATING = "winning_evidence", "losing_evidence", "escalate_inquiry_evidence"
"""Texts of `evidence[uncategorized_text]` that decide a dispute in test mode (docs.stripe.com/testing#evidence)."""

CLOSED = frozenset({"won", "lost", "warning_closed"})
_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}


@dataclass(frozen=True)
class Claim:
    """What the bank says. An inquiry withdraws nothing yet."""

    reason: str = "fraudulent"
    inquiry: bool = False


def open_dispute(tx: Transaction, charge: Json, claim: Claim) -> Json:
    """Store a dispute of the whole charge; emits charge.dispute.created, and unless it is an inquiry charge.dispute.funds_withdrawn.

    Raises Refusal for a charge that was not paid or is disputed already.
    """
    if charge["status"] != "succeeded":
        raise Refusal(f"Charge {charge['id']} has not been paid and cannot be disputed.")
    if charge["disputed"]:
        raise Refusal(f"Charge {charge['id']} is disputed already.")
    made = _new(tx, charge, claim)
    tx.save(charge | {"disputed": True})
    tx.add(made, parent=charge["id"], event="charge.dispute.created")
    return made if claim.inquiry else _withdraw(tx, made)


def _new(tx: Transaction, charge: Json, claim: Claim) -> Json:
    made = tx.new("dispute", amount=charge["amount"], charge=charge["id"], currency=charge["currency"], metadata={})
    made |= {"payment_intent": charge["payment_intent"], "reason": claim.reason, "is_charge_refundable": claim.inquiry}
    made |= {"status": "warning_needs_response" if claim.inquiry else "needs_response"}
    made["evidence"]["customer_email_address"] = charge["billing_details"]["email"]
    made["evidence"]["customer_name"] = charge["billing_details"]["name"]
    made["evidence_details"] |= {"due_by": tx.now + DUE_SECONDS, "enhanced_eligibility": {}}
    charged = charge["payment_method_details"].get("card")
    if charged is not None:  # Stripe shows nothing of the account that a debit was from
        known = {"brand": charged["brand"], "network_reason_code": _CODES.get(claim.reason)}
        card = nested(stripe.Dispute.PaymentMethodDetails.Card, case_type="inquiry" if claim.inquiry else "chargeback", **known)
        made["payment_method_details"] = {"type": "card", "card": card}
    return made


def _withdraw(tx: Transaction, dispute: Json) -> Json:
    dispute |= {"balance_transactions": [_booking(tx, dispute, -1)]}
    return tx.save(dispute, "charge.dispute.funds_withdrawn")


def _booking(tx: Transaction, dispute: Json, sign: int) -> Json:
    detail = {"amount": -sign * FEE, "application": None, "currency": dispute["currency"], "type": "stripe_fee"}
    details = [detail | {"description": "Dispute fee"}]
    source = dispute | {"description": f"Chargeback {'withdrawal' if sign < 0 else 'reversal'} for {dispute['charge']}"}
    booked = book(tx, source, sign * dispute["amount"], -sign * FEE, details, "adjustment")
    return tx.save(booked | {"reporting_category": "dispute" if sign < 0 else "dispute_reversal"})


def submit(tx: Transaction, dispute: Json) -> Json:
    """Hand the evidence in: under review, or decided at once by one of the texts of test mode."""
    text = dispute["evidence"]["uncategorized_text"]
    inquiry = dispute["status"].startswith("warning")
    dispute["evidence_details"] |= {"has_evidence": True, "submission_count": dispute["evidence_details"]["submission_count"] + 1}
    if inquiry and text == ESCALATING:
        return _escalate(tx, dispute)
    dispute |= {"status": "warning_under_review" if inquiry else "under_review"}
    saved = tx.save(dispute, "charge.dispute.updated")
    return close(tx, saved, won=text == WINNING) if text in {WINNING, LOSING} else saved


def _escalate(tx: Transaction, dispute: Json) -> Json:
    dispute |= {"status": "needs_response", "is_charge_refundable": False}
    if dispute["payment_method_details"]:
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    return _withdraw(tx, tx.save(dispute, "charge.dispute.updated"))


def close(tx: Transaction, dispute: Json, *, won: bool) -> Json:
    """Decide a dispute; emits charge.dispute.closed, and with it won charge.dispute.funds_reinstated. An inquiry is just closed.

    Raises Refusal for one that is closed.
    """
    check_open(dispute)
    if dispute["status"].startswith("warning"):
        return tx.save(dispute | {"status": "warning_closed"}, "charge.dispute.closed")
    closed = tx.save(dispute | {"status": "won" if won else "lost"}, "charge.dispute.closed")
    if not won:
        return closed
    closed |= {"balance_transactions": [*closed["balance_transactions"], _booking(tx, closed, 1)]}
    return tx.save(closed, "charge.dispute.funds_reinstated")


def check_open(dispute: Json) -> None:
    """Refuse to change a dispute that is decided."""
    if dispute["status"] in CLOSED:
        raise Refusal(f"This dispute is already closed. ({dispute['id']} is {dispute['status']}.)")


def warn(tx: Transaction, charge: Json) -> Json:
    """Store the card network's early fraud warning of a charge; emits radar.early_fraud_warning.created."""
    known = {"actionable": True, "charge": charge["id"], "payment_intent": charge["payment_intent"]}
    made = tx.new("radar.early_fraud_warning", fraud_type="misc", **known)
    return tx.add(made, parent=charge["id"], event="radar.early_fraud_warning.created")
