"""What an error of Stripe's means to the caller (docs.stripe.com/error-handling)."""

import stripe

from services.errors import CardDeclined, RateLimited, Refusal, StripeRejected, StripeUnavailable

MAX_MESSAGE = 500
"""Longest message of Stripe's that is handed on, in characters."""


def refusal_of(error: stripe.StripeError) -> Refusal:
    """The refusal that an error is: retryable when it is not known, or not decided, whether Stripe does the work; final otherwise.

    A key that Stripe does not take is retryable, for it is the operator's to mend and the same call then succeeds. So is an idempotency key
    that was used with other parameters (an older release's): its object may exist, and is found by our id when the key is forgotten.
    """
    match error:
        case stripe.CardError():
            return CardDeclined(_message(error, "The card was declined."))
        case stripe.RateLimitError():
            return RateLimited("Stripe is asked too much at this moment. Try again in a few seconds.")
        case stripe.AuthenticationError() | stripe.PermissionError():
            return StripeUnavailable("Stripe does not take this server's key; its operator has to mend STRIPE_SECRET_KEY.")
        case stripe.IdempotencyError():
            return StripeUnavailable("Stripe knows this request's key from another one: what it did is looked up later.")
        case stripe.InvalidRequestError():
            return StripeRejected(_message(error, "Stripe refused the request."))
    return StripeUnavailable("Stripe did not answer. Try again: with the same idempotencyKey nothing is done twice.")


def is_missing(error: stripe.StripeError) -> bool:
    """Whether Stripe says that there is no such object."""
    return isinstance(error, stripe.InvalidRequestError) and (error.code == "resource_missing" or error.http_status == 404)


def is_passing(error: stripe.StripeError) -> bool:
    """Whether the same request may be answered otherwise in a moment: no connection, 409, 429, 5xx, an answer that is not JSON.

    Stripe's own word, the header Stripe-Should-Retry, goes first.
    """
    said = (error.headers or {}).get("stripe-should-retry")
    if said in {"true", "false"}:
        return said == "true"
    final = (stripe.CardError, stripe.InvalidRequestError, stripe.IdempotencyError, stripe.AuthenticationError, stripe.PermissionError)
    return not isinstance(error, final)


def _message(error: stripe.StripeError, otherwise: str) -> str:
    return (error.user_message or otherwise)[:MAX_MESSAGE]
