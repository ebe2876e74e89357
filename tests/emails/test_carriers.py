"""Mail servers with and without TLS and passwords, folders, and what is in the headers."""

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from models import Email
from services.emails.addresses import Mailbox, is_mailable, key_of, mailbox_of
from services.emails.carrying import Refused, Unreachable
from services.emails.configuration import Server, target_of
from services.emails.envelope import letter_of, row_of_message_id
from services.emails.files import FileCarrier
from services.emails.sending import carrier_to
from services.emails.smtp import SmtpCarrier
from tests.emails.rows import FROM, settings_of, settings_with
from tests.emails.server import MailServer, certificate, serving

SETTINGS = settings_with("none")


def row(recipient: str | None = "alice@example.test", kind: str = "RECEIPT") -> Email:
    return Email(kind=kind, cause="c", object_id="pay_1", position=1, recipient=recipient)


def message(subject: str = "Receipt", text: str = "Paid.") -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = subject
    made.set_content(text)
    return made


async def carry(target: Server | Path, *recipients: str) -> None:
    async with carrier_to(target) as carrier:
        for recipient in recipients or ("alice@example.test",):
            await carrier.carry(letter_of(SETTINGS, row(recipient), message()))


async def test_a_password_is_asked_for(server: MailServer) -> None:
    server.password = "pass:word/1"
    url = f"smtp+plain://user%40acme:{{}}@127.0.0.1:{server.port}"
    await carry(target(url.format("pass%3Aword%2F1")))
    assert len(server.taken) == 1
    with pytest.raises(Unreachable, match=r"^The mail server does not let us in: 535 ") as refused:
        await carry(target(url.format("wrong")))
    assert "wrong" not in str(refused.value)
    assert len(server.taken) == 1


def target(url: str) -> Server | Path:
    found = target_of(settings_with(url))
    assert found is not None
    return found


async def test_tls_is_spoken_and_a_certificate_that_nobody_signed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = certificate(tmp_path)
    async with serving(tls=context, starttls=True) as offering, serving(tls=context) as speaking:
        urls = [f"smtp://localhost:{offering.port}", f"smtps://localhost:{speaking.port}"]
        for url in urls:
            with pytest.raises(Unreachable, match="self-signed certificate"):
                await carry(target(url))
        assert (offering.taken, speaking.taken) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        for url in urls:
            await carry(target(url))
        assert (offering.secured, speaking.secured) == ([True], [True])


async def test_without_starttls_nothing_is_sent_to_another_machine(server: MailServer) -> None:
    """127.0.0.2 is this machine too, but not by a name that is known to be."""
    with pytest.raises(Unreachable, match="STARTTLS"):
        await carry(Server("smtp", "0.0.0.0", server.port))  # noqa: S104 - where to connect to
    assert server.tried == []
    await carry(Server("smtp", "127.0.0.1", server.port))
    await carry(Server("smtp+plain", "0.0.0.0", server.port))  # noqa: S104 - where to connect to
    assert server.secured == [False, False]


async def test_a_connection_that_was_lost_is_made_anew(server: MailServer) -> None:
    async with SmtpCarrier(Server("smtp+plain", "127.0.0.1", server.port)) as carrier:
        await carrier.carry(letter_of(SETTINGS, row(), message()))
        assert carrier._client is not None
        carrier._client.close()
        await carrier.carry(letter_of(SETTINGS, row(), message()))
    assert (len(server.taken), server.connections) == (2, 2)


@pytest.mark.parametrize(
    ("recipient", "wire", "options"),
    [
        ("müller@example.test", "müller@example.test", True),
        ("用户@例子.test", "用户@xn--fsqu00a.test", True),
        ("alice@bücher.test", "alice@xn--bcher-kva.test", False),
        ("o'neil+shop@example.test", "o'neil+shop@example.test", False),
    ],
)
async def test_addresses_of_every_script(server: MailServer, recipient: str, wire: str, options: bool) -> None:
    await carry(Server("smtp+plain", "127.0.0.1", server.port), recipient)
    ((to, taken),) = server.taken
    assert (to, str(taken["To"]), "SMTPUTF8" in server.options[0]) == (wire, wire, options)


async def test_a_server_that_knows_no_other_scripts_refuses_that_mail_alone(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    made = server._made
    monkeypatch.setattr("tests.emails.server.SMTP", lambda handler, **options: SMTP_OF(handler, **options | {"enable_SMTPUTF8": False}))
    assert made is not None
    with pytest.raises(Refused, match="SMTPUTF8 is not supported by this server"):
        await carry(Server("smtp+plain", "127.0.0.1", server.port), "müller@example.test")
    await carry(Server("smtp+plain", "127.0.0.1", server.port), "alice@bücher.test")
    assert [to for to, _ in server.taken] == ["alice@xn--bcher-kva.test"]


from aiosmtpd.smtp import SMTP as SMTP_OF  # noqa: E402


async def test_long_names_and_texts_keep_their_lines_short(server: MailServer) -> None:
    name = "Größte Handelsgesellschaft " * 12
    settings = settings_of(server, email_from=None).model_copy(update={"email_from": f'"{name.strip()}" <billing@acme.example>'})
    found = target_of(settings)
    assert found is not None
    async with carrier_to(found) as carrier:
        await carrier.carry(letter_of(settings, row(), message("日本語の領収書 " * 40, "長い" * 3000)))
    ((_, taken),) = server.taken
    head = BytesHeaderParser().parsebytes(server.raw[0])  # the newer parser of Python 3.11 puts spaces where lines were folded
    assert str(make_header(decode_header(head["From"]))) == f"{name.strip()} <billing@acme.example>"
    assert str(make_header(decode_header(head["Subject"]))) == "日本語の領収書 " * 40
    assert taken.get_content().strip() == "長い" * 3000
    assert max(map(len, server.raw[0].split(b"\r\n"))) <= 998
    assert max(map(len, server.raw[0].partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 78


async def test_files_are_whole_private_and_replaced(tmp_path: Path) -> None:
    folder, mail = tmp_path / "mails" / "here", row("müller@example.test")
    async with FileCarrier(folder) as carrier:
        for subject in ("First", "Second"):
            await carrier.carry(letter_of(SETTINGS, mail, message(subject)))
    (file,) = folder.iterdir()
    assert (file.name, file.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (f"{mail.id}.eml", 0o600, 0o700)
    kept = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (kept["Subject"], kept["To"], kept["Message-ID"]) == ("Second", "müller@example.test", f"<{mail.id}@acme.example>")
    (tmp_path / "file").write_text("")
    with pytest.raises(Unreachable, match="cannot be written"):
        async with FileCarrier(tmp_path / "file") as carrier:
            await carrier.carry(letter_of(SETTINGS, mail, message()))


HOSTILE = st.text(st.sampled_from("ab.@ \r\n\t\0,;:<>()[]\"\\'%+-_=?ü用\u202e\u2028\ud800\x85"), max_size=24)


@example_settings(max_examples=300, deadline=None)
@given(HOSTILE, HOSTILE)
def test_nothing_is_written_into_headers_by_an_address_or_a_name(local: str, domain: str) -> None:
    """Either an address is refused, or it is the one recipient, and no header more."""
    address = f"{local}@{domain}"
    try:
        letter = letter_of(SETTINGS, row(address), message())
    except Refused:
        assert not is_mailable(address)
        return
    assert is_mailable(address)
    read = message_from_bytes(letter.message.as_bytes(), policy=policy.default)
    expected = {"Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version", "From", "To", "Date", "Message-ID"}
    assert set(read.keys()) == expected | {"Auto-Submitted", "X-Auto-Response-Suppress"}
    ((found,),) = [read["To"].addresses]
    assert found.addr_spec.encode("utf-8", "surrogateescape").decode() == letter.recipient
    assert letter.recipient.rpartition("@")[0] == local
    assert letter.recipient.isprintable()


@example_settings(max_examples=300, deadline=None)
@given(HOSTILE)
def test_a_sender_is_one_mailbox_or_refused(text: str) -> None:
    for value in (text, f"{text} <billing@acme.example>", f'"{text}" <billing@acme.example>'):
        try:
            mailbox = mailbox_of(value)
        except ValueError:
            continue
        made = EmailMessage()
        made["From"] = mailbox.header
        read = message_from_bytes(made.as_bytes(policy=policy.SMTPUTF8), policy=policy.default)
        assert read.keys() == ["From"]
        assert len(read["From"].addresses) == 1


@pytest.mark.parametrize(
    ("address", "mailable"),
    [
        ("alice@example.test", True),
        ("alice@localhost", True),
        ("a" * 64 + "@example.test", True),
        ("a" * 65 + "@example.test", False),
        ("alice@" + "a" * 64 + ".test", False),
        ("alice", False),
        ("@example.test", False),
        ("alice@", False),
        ("a..b@example.test", False),
        (".a@example.test", False),
        ('"a b"@example.test', False),
        ("alice@example.test\r\nBcc: eve@example.test", False),
        ("alice@example.test,eve@example.test", False),
        ("Alice <alice@example.test>", False),
        ("alice@-example.test", False),
        ("\u202ealice@example.test", False),
        (None, False),
        ("", False),
    ],
)
def test_which_addresses_can_be_written_to(address: str | None, mailable: bool) -> None:
    assert is_mailable(address) is mailable


def test_small_things() -> None:
    assert key_of("Alice@Example.TEST") == "alice@example.test"
    assert mailbox_of(FROM) == Mailbox("Acme Billing", "billing@acme.example")
    known = Email(kind="RECEIPT", cause="c", object_id="pay_1", position=1)
    assert row_of_message_id(f"<x@y> <{known.id}@acme.example>") == known.id
    assert row_of_message_id("<eml_short@acme.example>") is None
