"""The headers that every mail has, and from and to which addresses it goes."""

import re
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage, Message
from email.policy import SMTP, SMTPUTF8, Policy

from models import Email
from services.emails.addresses import Mailbox, ascii_domain, is_mailable, mailbox_of
from services.emails.carrying import Letter, Refused
from services.emails.unsubscribing import unsubscribe_url
from settings import Settings


class Whole(UnstructuredHeader, BaseHeader):
    """A header that stays one line: folded, a long address would become encoded words, which nobody takes for one (RFC 2047 section 5)."""

    def fold(self, *, policy: "Policy[Message[str, str]]") -> str:
        """The line, without the encoding of other headers."""
        return f"{self.name}: {self}{policy.linesep}"


_registry = HeaderRegistry()
_registry.map_to_type("List-Unsubscribe", Whole)

PLAIN, UTF8 = (policy.clone(header_factory=_registry) for policy in (SMTP, SMTPUTF8))
"""How mails are written for servers: all in ASCII, or addresses in any script too."""

_MESSAGE_ID = re.compile(r"<\s*(eml_[0-9a-v]{26})@[^<>\s]+>")


def message_id_of(settings: Settings, row: Email) -> str:
    """Made of the row's id: what is sent again has the same."""
    return f"<{row.id}@{_sent_by(settings).address.rpartition('@')[2]}>"


def row_of_message_id(text: str) -> str | None:
    """The id of the row in the first of our message ids in a text; None where there is none."""
    found = _MESSAGE_ID.search(text)
    return found[1] if found else None


def letter_of(settings: Settings, row: Email, message: EmailMessage) -> Letter:
    """The mail as it is handed over; what `message` has of these headers is replaced. Made anew they are the same: the date is the row's.

    Raises Refused for a recipient who cannot be written to.
    """
    if not is_mailable(row.recipient):
        raise Refused("There is no address that mail can be sent to.")
    sender, recipient = _sent_by(settings), _wire(Mailbox("", str(row.recipient)))
    headers = {"From": sender.header, "To": recipient.header, "Date": row.created_at, "Message-ID": message_id_of(settings, row)}
    if settings.email_reply_to:
        headers["Reply-To"] = _wire(mailbox_of(settings.email_reply_to)).header
    headers |= {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    if address := unsubscribe_url(settings, row):
        headers |= {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    message.policy = PLAIN if recipient.address.isascii() and sender.address.isascii() else UTF8
    for name, value in headers.items():
        del message[name]
        message[name] = value
    bounces_to = _wire(Mailbox("", settings.email_bounces_to)).address if settings.email_bounces_to else sender.address
    return Letter(message, bounces_to, recipient.address)


def _sent_by(settings: Settings) -> Mailbox:
    """ValueError where EMAIL_FROM is not set: services.configuration refuses that at start."""
    if settings.email_from is None:
        raise ValueError("Set EMAIL_FROM.")
    return _wire(mailbox_of(settings.email_from))


def _wire(mailbox: Mailbox) -> Mailbox:
    """With the domain as the name system has it, so that servers that know no other scripts take it too."""
    local, _, domain = mailbox.address.rpartition("@")
    return Mailbox(mailbox.name, f"{local}@{ascii_domain(domain) or domain}")
