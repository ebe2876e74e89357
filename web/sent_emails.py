"""The pages that show what was sent into a folder; for development alone. Endpoints are not async: they read files in threads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from services.emails.configuration import target_of
from settings import Settings
from web.start_page import page

MOST = 200
"""E-mails that the list shows, the newest."""

FRAMED = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox",
    "x-frame-options": "SAMEORIGIN",
}
"""Of an e-mail's HTML: it runs nothing, asks nobody for anything, and is shown by our own page alone."""

SHOWN = ("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe")
"""Headers that the page of an e-mail shows."""

_NAME = re.compile(r"[\w-]{1,100}\.eml", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sent:
    """A line of the list."""

    file: str
    at: datetime
    to: str
    subject: str


class SentEmails:
    """Over the folder that e-mails are written to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def listed(self, _: Request) -> Response:
        """All of them, the newest first."""
        return page("emails.html", title="E-mails", emails=list(self._newest()), folder=self._folder)

    def one(self, request: Request) -> Response:
        """One e-mail: its head, its HTML in a frame, and what is attached."""
        file, message = self._asked(request)
        head = [(name, str(message[name])) for name in SHOWN if message[name]]
        attached = [part.get_filename() or "attachment" for part in message.iter_attachments()]
        return page("email.html", title=str(message["Subject"] or file), file=file, head=head, attached=attached, frames=True)

    def html(self, request: Request) -> Response:
        """What the frame shows; links open elsewhere."""
        content = _content(self._asked(request)[1], "html")
        return HTMLResponse(content.replace("<head>", '<head><base target="_blank">', 1), headers=FRAMED)

    def text(self, request: Request) -> Response:
        """What programs show that show no HTML."""
        return PlainTextResponse(_content(self._asked(request)[1], "plain"))

    def source(self, request: Request) -> Response:
        """The file as it is."""
        return PlainTextResponse(self._path(request).read_bytes())

    def attachment(self, request: Request) -> Response:
        """One of what is attached, to be saved."""
        parts = list(self._asked(request)[1].iter_attachments())
        place = int(request.path_params["place"])
        content = parts[place].get_payload(decode=True) if place < len(parts) else None
        if not isinstance(content, bytes):
            raise HTTPException(404)
        name = re.sub(r"[^\w.-]", "_", parts[place].get_filename() or "attachment", flags=re.ASCII)
        return Response(content, media_type="application/octet-stream", headers={"content-disposition": f'attachment; filename="{name}"'})

    def _newest(self) -> Iterator[Sent]:
        files = [(path.stat().st_mtime, path) for path in self._folder.glob("*.eml") if _NAME.fullmatch(path.name)]
        for changed, path in sorted(files, reverse=True)[:MOST]:
            message = _read(path)
            yield Sent(path.name, datetime.fromtimestamp(changed, UTC), str(message["To"] or ""), str(message["Subject"] or ""))

    def _asked(self, request: Request) -> tuple[str, EmailMessage]:
        path = self._path(request)
        return path.name, _read(path)

    def _path(self, request: Request) -> Path:
        name = str(request.path_params["file"])
        path = self._folder / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise HTTPException(404)
        return path


def folder_of(settings: Settings) -> Path | None:
    """Where e-mails are written to; None where they go elsewhere, or nowhere, and in production, whatever its settings are."""
    target = None if settings.production else target_of(settings)
    return target if isinstance(target, Path) else None


def email_routes(folder: Path | None) -> list[BaseRoute]:
    """Routes of the pages over a folder; none without one."""
    if folder is None:
        return []
    pages = SentEmails(folder)
    return [
        Route("/emails", pages.listed),
        Route("/emails/{file}", pages.one),
        Route("/emails/{file}/html", pages.html),
        Route("/emails/{file}/text", pages.text),
        Route("/emails/{file}/source", pages.source),
        Route("/emails/{file}/attachments/{place:int}", pages.attachment),
    ]


def _read(path: Path) -> EmailMessage:
    with path.open("rb") as file:
        return BytesParser(EmailMessage, policy=policy.default).parse(file)


def _content(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    if part is None:
        raise HTTPException(404)
    return str(part.get_content())
