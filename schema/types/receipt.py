"""What a payer is given in writing."""

from datetime import datetime

import strawberry

from resolvers.declarations import Column, Derived
from resolvers.receipts import pdf_url
from schema.fields import declare


@strawberry.type(description="Numbered without gaps; the URL is signed, short-lived and answers a PDF.")
class Receipt:
    """Reads off models.Receipt."""

    number: str
    issued_at: datetime = declare(Column("created_at"))
    pdf_url: str = declare(Derived(("id", "customer_id"), pdf_url))
