"""Ids as Stripe writes them: a prefix that names the resource, then random letters and digits."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits

PREFIXES: dict[str, str] = {
    "customer": "cus_",
    "product": "prod_",
    "price": "price_",
    "payment_method": "pm_",
    "payment_intent": "pi_",
    "charge": "ch_",
    "refund": "re_",
    "dispute": "du_",
    "radar.early_fraud_warning": "issfr_",
    "balance_transaction": "txn_",
    "checkout.session": "cs_test_",
    "item": "li_",
    "subscription": "sub_",
    "subscription_item": "si_",
    "invoice": "in_",
    "invoiceitem": "ii_",
    "line_item": "il_",
    "invoice_payment": "inpay_",
    "billing_portal.session": "bps_",
    "billing_portal.configuration": "bpc_",
    "webhook_endpoint": "we_",
    "test_helpers.test_clock": "clock_",
    "event": "evt_",
    "v2.core.event": "evt_",
    "coupon": "",
    "discount": "di_",
    "promotion_code": "promo_",
}
LENGTHS = {"checkout.session": 40, "coupon": 8, "v2.core.event": 40}


def random_text(length: int = 24) -> str:
    """Return random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_id(kind: str) -> str:
    """Return a fresh id for a resource, by its `object` name."""
    return PREFIXES[kind] + random_text(LENGTHS.get(kind, 24))
