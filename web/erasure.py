"""Erasing a person for an operator."""

import sys
from collections.abc import Callable

from models import Customer
from models.ids import Prefix, prefix_of
from services.billing import Billing
from services.erasure.erasing import erase
from services.errors import Refusal
from services.patient_gateway import PatientGateway
from settings import Settings
from web.processes import run, with_billing

ACTOR = "cli"
"""Who asks, as audit entries name it."""


def run_erase(settings: Settings, name: str, confirm: Callable[[], bool] | None) -> int:
    """Erase the customer of our id or the host's; 1 when there is none, when something is open, and when Stripe refused."""

    async def erased() -> int:
        return await with_billing(settings, lambda billing: _erase(billing, name, confirm), PatientGateway)

    return run(erased)


async def _erase(billing: Billing, name: str, confirm: Callable[[], bool] | None) -> int:
    ours = prefix_of(name) is Prefix.CUSTOMER
    customer = await (Customer.get_or_none(id=name) if ours else Customer.get_or_none(external_id=name))
    if customer is None:
        return _tell(f"There is no customer {name}.", 1)
    if confirm is not None:
        _tell(f"{customer.id}, a customer since {customer.created_at:%Y-%m-%d}, is erased here and deleted at Stripe for good.", 0)
        if not confirm():
            return _tell("nothing was changed", 1)
    try:
        await erase(billing, customer.id, ACTOR)
    except Refusal as refusal:
        begun = (await Customer.get(id=customer.id)).erased_at is not None
        return _tell(refusal.message + (f" The rest is done by the worker, or by `billgraph erase {customer.id}`." if begun else ""), 1)
    return _tell(f"{customer.id} is erased", 0)


def _tell(line: str, code: int) -> int:
    sys.stderr.write(f"billgraph: {line}\n")
    return code
