"""Bank debits, which settle days later at Stripe, here minutes later (docs.stripe.com/payments/bank-debits)."""

from dataclasses import dataclass

import stripe

from sandbox.errors import CardRefusal
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction

SETTLES_AFTER = 180
"""Seconds until a debit is paid, or comes back."""

KINDS = {"eur": "sepa_debit", "usd": "us_bank_account"}
"""Currency -> the kind of debit that is offered in it."""

FAILING = {
    "AT861904300235473202": "insufficient_funds",
    "000222222227": "insufficient_funds",
    "000111111113": "account_closed",
}
"""Accounts whose debits come back, and why (docs.stripe.com/testing). Any other sound one is paid."""

MESSAGES = {
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "account_closed": "The customer's bank account has been closed.",
}
"""What the payer is told of a debit that came back."""

TEST_ACCOUNTS = {
    "sepa_debit": (("AT611904300234573201", "is paid later"), ("AT861904300235473202", "comes back")),
    "us_bank_account": (("000123456789", "is paid later"), ("000222222227", "comes back")),
}
"""Accounts that a page lists, and what becomes of their debits."""

TEST_METHODS = {
    "pm_usBankAccount_success": ("us_bank_account", "000123456789"),
    "pm_usBankAccount_insufficientFunds": ("us_bank_account", "000222222227"),
    "pm_usBankAccount_accountClosed": ("us_bank_account", "000111111113"),
}
"""Ids that stand for test accounts in API calls."""


@dataclass(frozen=True)
class BankForm:
    """A bank account as somebody types it: an IBAN for a sepa_debit, a US account number for a us_bank_account."""

    kind: str
    account: str


def checked(form: BankForm) -> str:
    """The account without spaces; CardRefusal for what can be none."""
    account = form.account.replace(" ", "").upper()
    if form.kind == "sepa_debit" and not _is_iban(account):
        raise CardRefusal("The IBAN you entered is invalid.", code="invalid_bank_account_iban", param="account")
    if form.kind != "sepa_debit" and not (account.isascii() and account.isdigit() and 4 <= len(account) <= 17):
        raise CardRefusal("The account number must have between 4 and 17 numbers.", code="account_number_invalid", param="account")
    return account


def _is_iban(account: str) -> bool:
    """ISO 13616: moved four places and letters counted from 10, it leaves 1 when divided by 97."""
    if not (15 <= len(account) <= 34 and account.isascii() and account.isalnum() and account[:2].isalpha()):
        return False
    return int("".join(str(int(letter, 36)) for letter in account[4:] + account[:4])) % 97 == 1


def details(kind: str, account: str) -> Json:
    """What a payment method and a charge show of an account."""
    if kind == "sepa_debit":
        known = {"bank_code": account[4:9], "country": account[:2], "fingerprint": account[-8:], "last4": account[-4:]}
        return nested(stripe.PaymentMethod.SepaDebit, **known)
    known = {"account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK"}
    return nested(stripe.PaymentMethod.UsBankAccount, **known, fingerprint=account[-8:], last4=account[-4:], routing_number="110000000")


def new_account(tx: Transaction, form: BankForm, billing: Json) -> Json:
    """Store a payment method for a bank account; raises CardRefusal for what can be none."""
    account = checked(form)
    made = tx.new("payment_method", type=form.kind, allow_redisplay="unspecified", billing_details=billing, metadata={})
    made.pop("card", None)
    made[form.kind] = details(form.kind, account)
    return tx.add(made, debit=form.kind, comes_back=FAILING.get(account))
