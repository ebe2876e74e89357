"""What Stripe refuses in a new checkout session beyond the types of its parameters."""

from urllib.parse import urlsplit

from sandbox.errors import InvalidParameters, Refusal, parameter_missing
from sandbox.resources.assignment import exclusive
from sandbox.routing import Call
from sandbox.transaction import Transaction

MAX_REFERENCE = 200
MIN_OPEN, MAX_OPEN = 30 * 60, 24 * 60 * 60


def check(tx: Transaction, call: Call) -> None:
    """Raise Stripe's refusal for a session that contradicts itself."""
    if not call.given("mode"):
        raise parameter_missing("mode")
    if call.params["mode"] == "setup":
        raise Refusal("The sandbox does not support `mode` setup; real Stripe does.", param="mode")
    if not call.given("line_items"):
        raise parameter_missing("line_items")
    exclusive(call, "customer", "customer_email")
    _mode(call)
    _urls(call)
    _expiry(tx, call)
    if len(call.given("client_reference_id") or "") > MAX_REFERENCE:
        raise InvalidParameters(f"Invalid string: must be at most {MAX_REFERENCE} characters", param="client_reference_id")
    if (call.given("automatic_tax") or {}).get("enabled"):
        raise Refusal("The sandbox does not support `automatic_tax`; real Stripe does.", param="automatic_tax")


def _mode(call: Call) -> None:
    mode = call.params["mode"]
    foreign = {"payment": "subscription_data", "subscription": "payment_intent_data"}[mode]
    if call.given(foreign):
        raise Refusal(f"You can not pass `{foreign}` in `{mode}` mode.", param=foreign)
    if mode == "subscription" and call.given("customer_creation"):
        raise Refusal("`customer_creation` can only be used in `payment` mode.", param="customer_creation")
    data = call.given("payment_intent_data") or {}
    for name in ("application_fee_amount", "on_behalf_of", "transfer_data"):
        if name in data:
            raise Refusal(
                f"The sandbox does not support `payment_intent_data[{name}]`; real Stripe does.", param=f"payment_intent_data[{name}]"
            )
    if data.get("capture_method") == "manual":
        raise Refusal("The sandbox does not support manual capture; real Stripe does.", param="payment_intent_data[capture_method]")
    _subscription(call.given("subscription_data") or {})


def _subscription(data: dict[str, object]) -> None:
    for name in data.keys() - {"description", "metadata", "trial_end", "trial_period_days"}:
        raise Refusal(f"The sandbox does not support `subscription_data[{name}]`; real Stripe does.", param=f"subscription_data[{name}]")
    days = data.get("trial_period_days")
    if isinstance(days, int) and not 1 <= days <= 730:
        raise InvalidParameters("The number of trial period days must be between 1 and 730.", param="subscription_data[trial_period_days]")


def _urls(call: Call) -> None:
    mode = call.given("ui_mode") or "hosted_page"
    needed, unwanted = ("success_url", "return_url") if mode == "hosted_page" else ("return_url", "success_url")
    if not call.given(needed) and call.given("redirect_on_completion") != "never":
        raise parameter_missing(needed)
    if call.given(unwanted):
        raise Refusal(f"`{unwanted}` is not allowed with `ui_mode` {mode}.", param=unwanted)
    for name in ("success_url", "cancel_url", "return_url"):
        if call.given(name):
            check_url(call.given(name), name)


def check_url(url: str, param: str) -> None:
    """Refuse what is no http or https address."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid:
        raise InvalidParameters("Not a valid URL", code="url_invalid", param=param)


def _expiry(tx: Transaction, call: Call) -> None:
    at = call.given("expires_at")
    if at is not None and at < tx.now + MIN_OPEN:
        raise InvalidParameters(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", param="expires_at"
        )
    if at is not None and at > tx.now + MAX_OPEN:
        raise InvalidParameters("The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", param="expires_at")
