"""The host's back end and administrators issue invoices, and say who sells."""

from typing import Any

from models import Invoice, Seller
from resolvers.mutations.payload import Payload, caller_of, made
from resolvers.permissions import HOSTS, require_roles
from services import invoices, sellers
from services.invoices import InvoiceTerms
from services.sellers import SellerTerms


async def create_invoice(info: Any, terms: InvoiceTerms, key: str | None) -> Payload:
    """SERVICE and ADMIN."""
    caller = caller_of(info.context, require_roles(info.context, *HOSTS))
    payload, _ = await made(info, "invoice", Invoice, invoices.create_invoice(caller, terms, key))
    return payload


async def void_invoice(info: Any, invoice_id: str, reason: str | None, key: str | None) -> Payload:
    """SERVICE and ADMIN."""
    caller = caller_of(info.context, require_roles(info.context, *HOSTS))
    payload, _ = await made(info, "invoice", Invoice, invoices.void_invoice(caller, invoice_id, reason, key))
    return payload


async def save_seller(info: Any, terms: SellerTerms, key: str | None) -> Payload:
    """SERVICE and ADMIN."""
    caller = caller_of(info.context, require_roles(info.context, *HOSTS))
    house_prefix = info.context.billing.settings.receipt_prefix
    payload, _ = await made(info, "seller", Seller, sellers.save_seller(caller, terms, key, house_prefix))
    return payload
