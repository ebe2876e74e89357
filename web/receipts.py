"""Receipts as files: whoever holds an address that was signed here, and is still good, is given the PDF."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from models import Customer, Receipt
from models.persistence import find
from services.receipts.document import Document, document_of
from services.receipts.links import EVERYTHING, Held, Link, audience_of, held
from services.receipts.pdf import drawn_late
from services.text_input import MAX_ID
from settings import Settings

MAX_AT_ONCE = 2
"""PDFs that one process draws at the same time; others wait for their turn."""

MAX_ASKED = 50
"""PDFs that are drawn or wait for it, of one process; whoever asks for one more is to come again."""

BUSY_PAUSE = 5
"""Seconds after which it may be asked again."""


class Receipts:
    """The endpoint /receipts/ID over one set of settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)
        self._asked = 0

    async def pdf(self, request: Request) -> Response:
        """200 with the PDF; 404 for an address that was not made here, or is of nothing; 410 for one that is too old; 503 for too many."""
        asked = request.query_params
        link = Link(request.path_params["receipt_id"], asked.get("for", ""), asked.get("expires", ""), asked.get("signature", ""))
        worth = held(self._settings, link)
        if worth is Held.EXPIRED:
            return JSONResponse({"error": "This address is too old: ask for a new one."}, status_code=410)
        document = await self._document(link) if worth is Held.GOOD else None
        if document is None:
            return JSONResponse({"error": "Not found"}, status_code=404)
        if self._asked == MAX_ASKED:
            busy = {"error": "Too many receipts are being drawn: try again in a moment."}
            return JSONResponse(busy, status_code=503, headers={"retry-after": str(BUSY_PAUSE)})
        content = await self._drawn(document)
        headers = {"content-disposition": f'attachment; filename="{document.number}.pdf"', "cache-control": "no-store"}
        return Response(content, media_type="application/pdf", headers=headers)

    async def _drawn(self, document: Document) -> bytes:
        self._asked += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(drawn_late, self._settings, document)
        finally:
            self._asked -= 1

    async def _document(self, link: Link) -> Document | None:
        row = await find(Receipt, id=link.receipt_id) if len(link.receipt_id) <= MAX_ID else None
        if row is None:
            return None
        customer = await find(Customer, id=row.customer_id) if row.customer_id else None
        theirs = customer is not None and link.audience == audience_of(self._settings, customer.external_id)
        try:
            return await document_of(self._settings, row, personal=theirs or link.audience == EVERYTHING)
        except LookupError:
            return None
