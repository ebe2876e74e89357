"""Turning what the engine tells into HTML: templates, careful headers, errors as pages."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from sandbox.configuration import Configuration
from sandbox.currencies import text
from sandbox.engine import Engine
from sandbox.errors import Refusal

MAX_FORM = 20_000
"""Bytes of a posted form."""

HEADERS = {
    # a form's answer leads to the shop, and browsers hold form-action against redirects too
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action http: https:; frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "stripe-sandbox": "billgraph",
    "x-content-type-options": "nosniff",
}

Page = Callable[[Request], Awaitable[Response]]


def moment(seconds: int | str | None) -> str:
    """UTC seconds as a person reads them; a thin event's time is text already."""
    if isinstance(seconds, str):
        return moment(int(datetime.fromisoformat(seconds).timestamp()))
    return datetime.fromtimestamp(seconds, UTC).strftime("%-d %b %Y, %H:%M UTC") if seconds else ""


def day(seconds: int | None) -> str:
    """The UTC day of a second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%-d %b %Y") if seconds else ""


_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape(), undefined=StrictUndefined
)
_templates.filters |= {"money": text, "moment": moment, "day": day}


def engine_of(request: Request) -> Engine:
    """The engine of the sandbox that serves the request."""
    engine: Engine = request.app.state.sandbox.engine
    return engine


def configuration_of(request: Request) -> Configuration:
    """What the sandbox that serves the request was told."""
    configuration: Configuration = request.app.state.sandbox.configuration
    return configuration


def render(request: Request, template: str, *, status: int = 200, **values: object) -> Response:
    """A page; `here` is the address of the sandbox's root in every template."""
    html = _templates.get_template(template).render(here=configuration_of(request).public_url, **values)
    return HTMLResponse(html, status, HEADERS)


def see(address: str) -> Response:
    """Send the browser on after a form was taken, so that going back or reloading posts nothing twice."""
    return RedirectResponse(address, 303, HEADERS)


async def form(request: Request) -> dict[str, str]:
    """The fields of a posted form. Raises Refusal for one of another site, of another kind, or too large."""
    origin = request.headers.get("origin")
    own = urlsplit(configuration_of(request).public_url)
    if origin not in {None, "null", f"{own.scheme}://{own.netloc}"}:
        raise Refusal("This form was sent by another site.", status=403)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise Refusal("The form is too large.", status=413)
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise Refusal("The form cannot be read.") from None


def refusing(page: Page) -> Page:
    """A page whose refusals are pages too."""

    async def answer(request: Request) -> Response:
        try:
            return await page(request)
        except Refusal as refusal:
            return render(request, "refusal.html", status=refusal.status, message=refusal.message)

    return answer
