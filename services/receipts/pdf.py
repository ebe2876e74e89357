"""The PDF of a document, for those who ask for one now and then."""

from services.receipts.document import Document
from settings import Settings


def drawn_late(settings: Settings, document: Document) -> bytes:
    """The PDF; what draws it takes half a second to import, which only those wait for who want one. Call it in a thread."""
    from services.receipts.drawing import drawn

    return drawn(settings, document)
