"""Erasing a person for an operator."""

import asyncio
import sys
from collections.abc import Callable

from models import Customer, Erasure, ErasureStatus
from models.ids import Prefix, prefix_of
from services.audit import OPERATOR
from services.billing import Billing
from services.erasure.erasing import erase
from services.errors import Refusal
from services.patient_gateway import PatientGateway
from settings import Settings
from web.processes import run, with_billing


def run_erase(settings: Settings, name: str, confirm: Callable[[], bool] | None) -> int:
    """Erase the customer of our id or the host's; 1 when there is none, when something is open, and when Stripe refused."""

    async def erased() -> int:
        return await with_billing(settings, lambda billing: _erase(billing, name, confirm), PatientGateway)

    return run(erased)


async def _erase(billing: Billing, name: str, confirm: Callable[[], bool] | None) -> int:
    customer = await _named(name)
    if customer is None:
        return _tell(f"There is no customer {name}.", 1)
    if confirm is not None:
        _tell(f"{customer.id}, a customer since {customer.created_at:%Y-%m-%d}, is erased here and deleted at Stripe for good.", 0)
        if not confirm():
            return _tell("nothing was changed", 1)
    try:
        await erase(billing, customer.id, OPERATOR)
    except Refusal as refusal:
        return _tell(refusal.message + (f" The rest {_rest(customer)}." if await _begun(customer) else ""), 1)
    except asyncio.CancelledError:  # Ctrl+C
        _tell(f"stopped: the rest {_rest(customer)}" if await _begun(customer) else "stopped: nothing was changed", 130)
        raise
    return _tell(f"{customer.id} is erased", 0)


async def _named(name: str) -> Customer | None:
    """By our id or the host's, which an erasure that is under way still knows; who came again since has it first."""
    if prefix_of(name) is Prefix.CUSTOMER:
        return await Customer.get_or_none(id=name)
    if (customer := await Customer.get_or_none(external_id=name)) is not None:
        return customer
    begun = await Erasure.filter(external_id=name, status=ErasureStatus.PENDING.value).order_by("-id").first()
    return await Customer.get(id=begun.customer_id) if begun is not None else None


async def _begun(customer: Customer) -> bool:
    return (await Customer.get(id=customer.id)).erased_at is not None


def _rest(customer: Customer) -> str:
    return f"is done by the worker, or by `billgraph erase {customer.id}`"


def _tell(line: str, code: int) -> int:
    sys.stderr.write(f"billgraph: {line}\n")
    return code
