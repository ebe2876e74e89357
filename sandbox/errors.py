"""Stripe's refusals: what is wrong, with Stripe's type, code, message and HTTP status (docs.stripe.com/api/errors)."""

from typing import Any

_DOCS = "https://docs.stripe.com/error-codes/"


class Refusal(Exception):
    """A call that is refused. `keep` means that what was written before it stays (a declined charge is a fact)."""

    keep = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.param, self.status, self.kind = message, code, param, status, kind
        self.details = details

    def body(self) -> dict[str, Any]:
        """Return the `{"error": {...}}` document that Stripe would answer with."""
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            error |= {"code": self.code, "doc_url": _DOCS + self.code.replace("_", "-")}
        if self.param:
            error["param"] = self.param
        return {"error": error | self.details}


class InvalidParameters(Refusal):
    """Parameters that do not fit the call; found before anything ran, so no idempotent answer is kept."""


class CardRefusal(Refusal):
    """A card that is refused (402). What the attempt wrote stays."""

    keep = True

    def __init__(self, message: str, *, code: str, param: str | None = None, **details: Any) -> None:
        super().__init__(message, code=code, param=param, status=402, kind="card_error", **details)


def missing(kind: str, value: str, param: str = "id") -> Refusal:
    """Return the 404 for an object that is not there."""
    name = {"payment_method": "PaymentMethod", "billing_portal.configuration": "configuration"}.get(kind, kind)
    return Refusal(f"No such {name}: '{value}'", code="resource_missing", param=param, status=404)


def parameter_missing(param: str) -> InvalidParameters:
    """Return the refusal of a call that lacks a parameter."""
    return InvalidParameters(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unexpected_state(message: str, payment_intent: dict[str, Any]) -> Refusal:
    """Return the refusal of a call that the payment intent's status does not allow."""
    return Refusal(message, code="payment_intent_unexpected_state", payment_intent=payment_intent)
