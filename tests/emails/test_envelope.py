"""The heads of mails as they go over the wire: what programs read, they find as it must be written."""

import pytest

from models import Email
from services.emails.envelope import letter_of
from tests.emails.rows import drained, email, said, settings_of, settings_with
from tests.emails.server import MailServer


def head_of(content: bytes) -> list[bytes]:
    return content.replace(b"\r\n", b"\n").partition(b"\n\n")[0].split(b"\n")


@pytest.mark.parametrize("host", ["acme.example", f"{'a' * 60}.{'b' * 60}.example"])
async def test_addresses_stand_whole_in_one_line(host: str) -> None:
    """Folded as text they would become encoded words, which no mail program takes for an address (RFC 2047 section 5)."""
    settings = settings_with("none", public_url=f"https://billing.{host}/below", email_from=f"Acme <billing@{host}>")
    row = Email(kind="WELCOME", cause="x", object_id="pay_1", recipient="alice@example.test", position=1)
    head = head_of(letter_of(settings, row, await said(settings, row, "")).message.as_bytes())
    (unsubscribe,) = [line for line in head if line.startswith(b"List-Unsubscribe: ")]
    assert unsubscribe.startswith(f"List-Unsubscribe: <https://billing.{host}/below/emails/unsubscribe/{row.id}.".encode())
    assert unsubscribe.endswith(b">")
    assert f"<{row.id}@{host}>".encode() in b"".join(head)
    assert b"=?" not in b"".join(head)


async def test_a_server_is_given_it_so(database: str, server: MailServer) -> None:
    await email(kind="WELCOME")
    await drained(settings_of(server))
    (mail,) = server.raw
    assert [line for line in head_of(mail) if line.startswith(b"List-Unsubscribe: <https://billing.acme.example/emails/")] != []
