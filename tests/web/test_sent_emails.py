"""The pages of what was sent: each e-mail as it is, none of it run, and nothing else of the machine."""

from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from app import create_app
from services.development import completed
from settings import Environment, Settings
from tests.test_app import close
from web.sent_emails import email_routes, folder_of
from web.start_page import page_routes

NAME = "eml_00000000000000000000000001.eml"


def letter(subject: str = "Receipt", html: str = "<html><head></head><body><p>Hello</p></body></html>") -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "billing@acme.test", "Ada <ada@example.test>", subject
    message.set_content("Hello in text\n")
    message.add_alternative(html, subtype="html")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename='2026/"000001".pdf')
    return message.as_bytes()


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    folder = tmp_path / "emails"
    folder.mkdir()
    app = Starlette(routes=[*page_routes(sandbox=False, emails=True), *email_routes(folder)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as opened:
        yield opened


async def test_what_was_sent_is_listed_the_newest_first(client: httpx.AsyncClient, tmp_path: Path) -> None:
    assert "Nothing yet" in (await client.get("/emails")).text
    for place, subject in enumerate(("First", "Second <b>bold</b>"), 1):
        path = tmp_path / "emails" / f"eml_{place}.eml"
        path.write_bytes(letter(subject))
    (tmp_path / "emails" / ".eml_3.eml.draft").write_bytes(letter("Draft"))
    (tmp_path / "emails" / "a b.eml").write_bytes(letter("No name"))
    shown = (await client.get("/emails")).text
    assert [shown.index(text) for text in ("Second &lt;b&gt;bold", "First")] == sorted(
        shown.index(text) for text in ("Second &lt;b&gt;bold", "First")
    )
    assert ("Ada &lt;ada@example.test&gt;" in shown, "Draft" in shown, "No name" in shown) == (True, False, False)
    assert "/emails" in (await client.get("/")).text


async def test_an_email_is_shown_in_a_frame_that_runs_and_fetches_nothing(client: httpx.AsyncClient, tmp_path: Path) -> None:
    script = "<html><head></head><body><script>alert(1)</script><img src=https://evil.test/x></body></html>"
    (tmp_path / "emails" / NAME).write_bytes(letter("<script>", script))
    page = await client.get(f"/emails/{NAME}")
    assert "<script>" not in page.text
    assert f'src="/emails/{NAME}/html" sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert page.headers["content-security-policy"] == "default-src 'none'; style-src 'self'; frame-ancestors 'none'; frame-src 'self'"
    framed = await client.get(f"/emails/{NAME}/html")
    assert framed.headers["x-frame-options"] == "SAMEORIGIN"
    assert framed.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
    assert '<head><base target="_blank"></head>' in framed.text
    text, source = [await client.get(f"/emails/{NAME}/{part}") for part in ("text", "source")]
    assert (text.text, text.headers["content-type"]) == ("Hello in text\n", "text/plain; charset=utf-8")
    assert source.content == (tmp_path / "emails" / NAME).read_bytes()
    assert source.headers["content-type"] == "text/plain; charset=utf-8"


async def test_what_is_attached_is_saved_under_a_harmless_name(client: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "emails" / NAME).write_bytes(letter())
    answer = await client.get(f"/emails/{NAME}/attachments/0")
    assert answer.content == b"%PDF-1.7"
    assert answer.headers["content-disposition"] == 'attachment; filename="2026__000001_.pdf"'
    assert answer.headers["content-type"] == "application/octet-stream"
    assert (await client.get(f"/emails/{NAME}/attachments/1")).status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "nothing.eml",
        "../secrets/auth_secret",
        "%2e%2e%2fsecret.eml",
        "secret.eml%00",
        ".hidden.eml",
        "a/b.eml",
        "secret.txt",
        "x" * 300 + ".eml",
    ],
)
async def test_nothing_else_of_the_machine_is_shown(client: httpx.AsyncClient, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.eml").write_text("Subject: hidden\n\nhidden")
    for path in (f"/emails/{name}", f"/emails/{name}/source", f"/emails/{name}/html"):
        answer = await client.get(path)
        assert answer.status_code == 404, path
        assert "hidden" not in answer.text


async def test_a_file_that_is_no_email_is_none_of_a_problem(client: httpx.AsyncClient, tmp_path: Path) -> None:
    (tmp_path / "emails" / NAME).write_bytes(b"\xff\xfe\x00 no e-mail at all")
    assert [(await client.get(path)).status_code for path in ("/emails", f"/emails/{NAME}", f"/emails/{NAME}/html")] == [200, 200, 404]


async def test_there_are_no_such_pages_in_production_nor_where_mails_go_elsewhere(tmp_path: Path) -> None:
    development = completed(Settings(billgraph_var=tmp_path))
    assert folder_of(development) == tmp_path / "emails"
    secret = development.auth_secret
    production = development.model_copy(update={"environment": Environment.PRODUCTION, "sandbox": False, "auth_secret": secret})
    elsewhere = completed(Settings(billgraph_var=tmp_path, email_url="smtp://127.0.0.1:2525"))
    for settings, status in ((development, 200), (production, 404), (elsewhere, 404)):
        app = create_app(settings)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
            assert (await client.get("/emails")).status_code == status
        await close(app)
