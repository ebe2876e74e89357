"""GET and POST /emails/unsubscribe/{token}: the page that asks, and the one click (RFC 8058) of the page or of a mail program."""

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.emails.unsubscribing import row_of_token, unsubscribe
from settings import Settings

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Unsubscribe</title>
<link rel="stylesheet" href="data:text/css,body%7Bfont:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem%7D">
<h1>{title}</h1>
<p>{text}</p>
{form}</html>
"""

FORM = '<form method="post"><button type="submit">Unsubscribe</button></form>\n'

ASKED = "You will get no more e-mails of this kind. Receipts, and what else you have to know about what you pay, still come."
DONE = "You get no more e-mails of this kind."
WRONG = "This address is not one that an e-mail of ours had: open it from the e-mail once more."

HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; style-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}

_log = structlog.get_logger(__name__)


class Unsubscribing:
    """The endpoint over one set of settings. Nobody signs in: whoever has the mail has the address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def page(self, request: Request) -> Response:
        """GET asks and changes nothing, as programs that follow every link of a mail must not unsubscribe; POST does it, and again."""
        row_id = row_of_token(self._settings, request.path_params["token"])
        if row_id is None:
            return _page("Not found", WRONG, status=404)
        if request.method != "POST":
            return _page("Unsubscribe?", ASKED, FORM)
        await unsubscribe(row_id)
        _log.info("unsubscribed", mail=row_id)
        return _page("Unsubscribed", DONE)


def _page(title: str, text: str, form: str = "", status: int = 200) -> Response:
    return HTMLResponse(PAGE.format(title=title, text=text, form=form), status_code=status, headers=HEADERS)
