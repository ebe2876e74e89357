"""The pages of development: what is where, and where checkout and portal return to as long as there is no app to return to."""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route

FOLDER = Path(__file__).parent / "pages"
POLICY = {"content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'"}

_templates = Environment(loader=FileSystemLoader(FOLDER), autoescape=select_autoescape())


@dataclass(frozen=True, slots=True)
class Place:
    """Something to open: path, name and one sentence."""

    path: str
    name: str
    meaning: str


def places(*, sandbox: bool, emails: bool) -> list[Place]:
    """What a person in a browser can open, in the order worth doing so."""
    return [
        Place("/graphiql", "GraphiQL", "Write queries and mutations, as any demo viewer."),
        *([Place("/sandbox/", "Stripe sandbox", "Objects, events and webhooks, as Stripe's dashboard shows them.")] if sandbox else []),
        *([Place("/emails", "E-mails", "What customers, sellers and administrators were sent.")] if emails else []),
        Place("/healthz", "Alive", "Whether the process answers."),
        Place("/readyz", "Ready", "Whether the database answers and is migrated."),
        Place("/metrics", "Figures", "Requests, calls to Stripe and their times, for Prometheus."),
    ]


def page_routes(*, sandbox: bool, emails: bool) -> list[BaseRoute]:
    """Routes of the start page, the return pages and their style; for development alone."""

    def start(_: Request) -> Response:
        return page("start.html", title="What is where", places=places(sandbox=sandbox, emails=emails), sandbox=sandbox)

    return [
        Route("/", start),
        Route("/checkout/success", _success),
        Route("/checkout/canceled", _canceled),
        Route("/portal/returned", _returned),
        Route("/pages/page.css", _style),
    ]


def page(template: str, *, frames: bool = False, **values: object) -> Response:
    """A page of this folder; with `frames` it may show others of this service within it."""
    policy = POLICY | ({"content-security-policy": f"{POLICY['content-security-policy']}; frame-src 'self'"} if frames else {})
    return HTMLResponse(_templates.get_template(template).render(values), headers=policy)


def _success(request: Request) -> Response:
    session_id = request.query_params.get("session_id", "")[:255]
    text = "Thank you. The payment is confirmed by Stripe's webhook, not by this page."
    return page("returned.html", title="Checkout complete", text=text, session_id=session_id, setting="SUCCESS_URL")


def _canceled(_: Request) -> Response:
    return page("returned.html", title="Checkout left", text="Nothing was charged.", setting="CANCEL_URL")


def _returned(_: Request) -> Response:
    return page("returned.html", title="Back from the portal", text="Changes arrive by webhook.", setting="PORTAL_RETURN_URL")


def _style(_: Request) -> Response:
    return FileResponse(FOLDER / "page.css", media_type="text/css")
