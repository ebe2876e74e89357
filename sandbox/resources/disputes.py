"""/v1/disputes and /v1/radar/early_fraud_warnings: brought about by test cards or on the sandbox's page."""

from stripe import params
from stripe.params import radar

from sandbox import disputing
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a dispute."""
    return tx.get("dispute", call.id, "dispute")


def update(tx: Transaction, call: Call) -> Json:
    """Add evidence, which is handed in unless `submit` is false, or metadata; emits charge.dispute.updated."""
    dispute = assign(tx.get("dispute", call.id, "dispute"), call)
    evidence = call.given("evidence")
    if evidence is None and not call.given("submit"):
        return tx.save(dispute, "charge.dispute.updated")
    disputing.check_open(dispute)
    dispute["evidence"] |= {name: value or None for name, value in (evidence or {}).items()}
    dispute["evidence_details"]["has_evidence"] = True
    if call.given("submit") is False:
        return tx.save(dispute, "charge.dispute.updated")
    return disputing.submit(tx, dispute)


def close(tx: Transaction, call: Call) -> Json:
    """Accept a dispute as lost; emits charge.dispute.closed."""
    return disputing.close(tx, tx.get("dispute", call.id, "dispute"), won=False)


def listing(tx: Transaction, call: Call) -> Json:
    """List disputes."""
    return page(tx, call, "dispute", "/v1/disputes", Where(), ("charge", "payment_intent"))


def retrieve_warning(tx: Transaction, call: Call) -> Json:
    """Return an early fraud warning."""
    return tx.get("radar.early_fraud_warning", call.id, "early_fraud_warning")


def list_warnings(tx: Transaction, call: Call) -> Json:
    """List early fraud warnings."""
    return page(tx, call, "radar.early_fraud_warning", "/v1/radar/early_fraud_warnings", Where(), ("charge", "payment_intent"))


ROUTES = [
    Route("GET", "/v1/disputes", listing, params.DisputeListParams),
    Route("GET", "/v1/disputes/{id}", retrieve, params.DisputeRetrieveParams),
    Route("POST", "/v1/disputes/{id}", update, params.DisputeUpdateParams),
    Route("POST", "/v1/disputes/{id}/close", close, params.DisputeCloseParams),
    Route("GET", "/v1/radar/early_fraud_warnings", list_warnings, radar.EarlyFraudWarningListParams),
    Route("GET", "/v1/radar/early_fraud_warnings/{id}", retrieve_warning, radar.EarlyFraudWarningRetrieveParams),
]
