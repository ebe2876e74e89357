"""The host issues invoices, and says who sells."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import invoicing
from schema.inputs.invoicing import CreateInvoiceInput, SaveSellerInput, VoidInvoiceInput
from schema.mutations.given import GIVEN


async def create_invoice(info: strawberry.Info, given: Annotated[CreateInvoiceInput, GIVEN]) -> Any:
    """The host's back end and administrators."""
    return await invoicing.create_invoice(info, given.request(), given.idempotency_key)


async def void_invoice(info: strawberry.Info, given: Annotated[VoidInvoiceInput, GIVEN]) -> Any:
    """The host's back end and administrators."""
    return await invoicing.void_invoice(info, given.id, given.reason, given.idempotency_key)


async def save_seller(info: strawberry.Info, given: Annotated[SaveSellerInput, GIVEN]) -> Any:
    """The host's back end and administrators."""
    return await invoicing.save_seller(info, given.request(), given.idempotency_key)
