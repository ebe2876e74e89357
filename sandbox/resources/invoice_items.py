"""/v1/invoiceitems: what waits for a subscription's next invoice (read only)."""

from stripe import params

from sandbox.pagination import Where, page
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return an invoice item."""
    return tx.get("invoiceitem", call.id, "invoiceitem")


def listing(tx: Transaction, call: Call) -> Json:
    """List invoice items: of a customer, of an invoice, or those that wait (`pending`)."""
    where = Where()
    pending = call.params.pop("pending", None)
    if pending is not None:
        where.add(f"json_extract(body, '$.invoice') IS {'' if pending else 'NOT '}NULL")
    return page(tx, call, "invoiceitem", "/v1/invoiceitems", where, ("customer", "invoice"))


ROUTES = [
    Route("GET", "/v1/invoiceitems", listing, params.InvoiceItemListParams),
    Route("GET", "/v1/invoiceitems/{id}", retrieve, params.InvoiceItemRetrieveParams),
]
