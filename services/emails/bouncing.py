"""Mails that come back later, as a mail server reports them (RFC 3464): to be piped into `billgraph emails bounce`.

Only who has got one of our mails, or carried it, knows its message id: a report that names none of ours changes nothing.
"""

from email import message_from_bytes, policy
from email.message import EmailMessage, Message

from models import Email
from services.emails.envelope import row_of_message_id
from services.emails.sending import bounce
from services.emails.smtp import OF_POLICY

LONGEST_REPORT = 1_048_576
"""Bytes of a report that are read."""

LONGEST_REASON = 300
"""Characters kept of why."""


async def take_report(content: bytes) -> str | None:
    """Mark the mail that a report is about as come back; its id, None for what reports no failure of a mail of ours.

    A lasting failure (status 5.…) ends all mail to its address; after one that passes, such as a full mailbox, or that is about how we
    send, such as a policy, the next is tried.
    """
    report = message_from_bytes(content[:LONGEST_REPORT], policy=policy.default)
    failure, row_id = _failure(report), _returned(report)
    row = await Email.get_or_none(id=row_id) if failure and row_id else None
    if failure is None or row is None:
        return None
    status, reason = failure
    await bounce(row, reason, for_good=status.startswith("5") and not OF_POLICY.match(status))
    return str(row.id)


def _failure(report: EmailMessage) -> tuple[str, str] | None:
    """Status and reason of the first recipient that it failed for."""
    for part in report.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for recipient in part.get_payload() if part.is_multipart() else ():
            if isinstance(recipient, Message) and str(recipient.get("Action", "")).strip().lower() == "failed":
                status = _line(recipient, "Status") or "5.0.0"
                return status, f"{status} {_line(recipient, 'Diagnostic-Code')}".strip()[:LONGEST_REASON]
    return None


def _returned(report: EmailMessage) -> str | None:
    """The id of the row whose mail was returned, of which a report has the headers at least; else the one that it answers to."""
    for part in report.walk():
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}:
            text = part.as_bytes(policy=policy.compat32).decode("utf-8", "replace")
            for line in text.split("\n"):
                if line.lower().startswith("message-id:") and (found := row_of_message_id(line)):
                    return found
    return row_of_message_id(f"{report.get('In-Reply-To', '')} {report.get('References', '')}")


def _line(part: Message, name: str) -> str:
    text = str(part.get(name, ""))
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
