"""An e-mail made of its row: what is true when it is sent, in the words of whoever gets it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP

from models import Email, EmailKind
from services.emails import alarms, memberships, purchases, sales
from services.emails.about import About, about
from services.emails.rendering import rendered
from services.emails.told import Told
from services.emails.voice import Voice, voice_of
from services.receipts.pdf import drawn_late
from settings import Settings

TELLING: Mapping[EmailKind, Callable[[Voice, About], Told | None]] = {
    EmailKind.RECEIPT: purchases.receipt,
    EmailKind.WELCOME: purchases.welcome,
    EmailKind.PAYMENT_FAILED: purchases.payment_failed,
    EmailKind.REFUND_CONFIRMED: purchases.refund_confirmed,
    EmailKind.REFUND_REQUEST_DECIDED: purchases.request_decided,
    EmailKind.SUBSCRIPTION_STARTED: memberships.started,
    EmailKind.TRIAL_ENDING: memberships.trial_ending,
    EmailKind.SUBSCRIPTION_PAYMENT_FAILED: memberships.payment_failed,
    EmailKind.SUBSCRIPTION_ENDING: memberships.ending,
    EmailKind.SUBSCRIPTION_ENDED: memberships.ended,
    EmailKind.SALE: sales.sale,
    EmailKind.SALE_REFUNDED: sales.sale_refunded,
    EmailKind.ADMIN_PAYMENT_FAILED: alarms.payment_failed,
    EmailKind.ADMIN_REFUND_FAILED: alarms.refund_failed,
    EmailKind.ADMIN_DISPUTE_OPENED: alarms.dispute_opened,
    EmailKind.ADMIN_DISPUTE_CLOSED: alarms.dispute_closed,
    EmailKind.ADMIN_WORK_GIVEN_UP: alarms.work_given_up,
}
"""Kind -> what it says, None where that is not true any more."""

HOUSES = frozenset(kind for kind in EmailKind if kind.startswith(("ADMIN_", "SALE")))
"""Kinds that speak RECEIPT_LOCALE, whatever the customer speaks."""


async def message_of(settings: Settings, row: Email, unsubscribe_url: str = "") -> EmailMessage | None:
    """Subject, text, HTML and attachments of an e-mail; who gets it, and all else in its head, is the sender's to say.

    None for what is not true any more, such as the failure of a payment that has succeeded since. BrokenTemplate when its words or its
    layout cannot be filled in.
    """
    found = await about(settings, row)
    if found is None:
        return None
    kind = EmailKind(row.kind)
    locale = found.customer.locale if found.customer and kind not in HOUSES else None
    told = TELLING[kind](voice_of(settings, locale), found)
    return await written(replace(told, unsubscribe_url=unsubscribe_url)) if told else None


async def written(told: Told) -> EmailMessage:
    """What is told, as a message. Raises BrokenTemplate."""
    ready = rendered(told)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = ready.subject
    message.set_content(ready.text)
    message.add_alternative(ready.html, subtype="html")
    if told.document is not None:
        pdf = await asyncio.to_thread(drawn_late, told.voice.settings, told.document)
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"{told.document.number}.pdf")
    message["Content-Language"] = told.voice.words.language
    return message
