"""The ASGI application: its routes, its middleware, and what lives as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Mount, Route

from models.database import connect, disconnect
from resolvers.context import Context
from sandbox import Sandbox, create_sandbox
from schema.endpoint import GraphQLEndpoint, graphql_endpoint
from schema.graphiql import graphiql_routes
from schema.schema import schema
from services import structured_logging
from services.authentication import Authenticator
from services.billing import Billing
from services.configuration import problems
from services.demo_viewers import demo_viewers
from services.development import SANDBOX_MOUNT, completed, own_address
from services.emails.unsubscribing import PATH as UNSUBSCRIBE
from services.endpoint_check import EndpointCheck
from services.receipts.links import PATH as RECEIPTS
from services.stripe_gateway import StripeGateway
from services.worker import work
from settings import Settings
from web.exports import Exports
from web.middleware import Dated, RequestLog, SecurityHeaders, request_id_of
from web.operations import Operations
from web.receipts import Receipts
from web.sent_emails import email_routes, folder_of
from web.start_page import page_routes
from web.unsubscribe import Unsubscribing
from webhooks.handlers import HANDLERS
from webhooks.route import webhook_endpoint

WORKER_STOP_LIMIT = 10.0
"""Seconds that the embedded worker may take to finish what it is at when the process stops."""

MUTATION_STOP_LIMIT = 10.0
"""Seconds that mutations whose callers are gone may take; what is cut off then is finished after the next start."""

_log = structlog.get_logger(__name__)


def from_environment() -> Starlette:
    """What a server process of several starts from: settings of the environment, completed and without problems, logging configured.

    Raises ValueError with the first problem of the settings.
    """
    settings = completed(Settings())
    found = problems(settings)
    if found:
        raise ValueError(found[0])
    structured_logging.configure(settings)
    return create_app(settings)


def create_app(settings: Settings) -> Starlette:
    """The application over completed settings (services.development), which `problems` finds nothing in; connects when it starts up.

    `app.state.billing` is what services work with. Raises ValueError for settings without a way to verify tokens.
    """
    billing = Billing(settings=settings, stripe=StripeGateway(settings))
    authenticator = Authenticator(settings)
    sandbox = _sandbox(settings) if settings.sandbox else None
    graphql = _graphql(billing, authenticator)
    check = EndpointCheck(billing, frozenset(HANDLERS))
    rare = _rare(Operations(settings, check), Exports(authenticator))
    routes = _routes(billing, graphql, sandbox, rare)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with _running(billing, authenticator, sandbox), check.running():
            yield
            await graphql.executor.drain(MUTATION_STOP_LIMIT)

    app = Starlette(routes=routes, middleware=_middleware(settings, routes), lifespan=lifespan)
    app.state.billing = billing
    return app


def _graphql(billing: Billing, authenticator: Authenticator) -> GraphQLEndpoint[Context]:
    async def make_context(request: Request) -> Context:
        viewer = await authenticator.viewer(request.headers.get("authorization"))
        return Context(billing=billing, viewer=viewer, request_id=request_id_of(request.scope))

    def may_introspect(context: Context) -> bool:
        return not billing.settings.production or context.viewer is not None

    return graphql_endpoint(schema, make_context, introspection=may_introspect)


def _routes(billing: Billing, graphql: GraphQLEndpoint[Context], sandbox: Sandbox | None, rare: FastAPI) -> list[BaseRoute]:
    """The busy routes first, so that they are found first and pass nothing of FastAPI; what is rare stands behind them."""
    settings = billing.settings
    return [
        Route("/graphql", graphql),
        Route("/webhooks/stripe", webhook_endpoint(billing)),
        Route(f"{RECEIPTS}{{receipt_id}}", Receipts(settings).pdf),
        Route(f"{UNSUBSCRIBE}{{token}}", Unsubscribing(settings).page, methods=["GET", "POST"]),
        *([Route(SANDBOX_MOUNT, _to_overview), Mount(SANDBOX_MOUNT, sandbox)] if sandbox else []),
        *graphiql_routes(None if settings.production else lambda: _viewers(settings)),
        *([] if settings.production else _pages(settings)),
        Mount("", rare),
    ]


def _pages(settings: Settings) -> list[BaseRoute]:
    folder = folder_of(settings)
    return [*page_routes(sandbox=settings.sandbox, emails=folder is not None), *email_routes(folder)]


def _to_overview(_: Request) -> RedirectResponse:
    return RedirectResponse(f"{SANDBOX_MOUNT}/")


def _sandbox(settings: Settings) -> Sandbox:
    """Stripe's stand-in, with a file of its own, posting its events to this very process; ValueError for keys that are not test keys."""
    if settings.stripe_secret_key is None:
        raise ValueError("Set STRIPE_SECRET_KEY: the sandbox takes no other key.")
    here = own_address(settings)
    secrets = settings.stripe_webhook_secret
    return create_sandbox(
        store=settings.billgraph_var / "sandbox.sqlite3",
        secret_key=settings.stripe_secret_key.get_secret_value(),
        publishable_key=settings.stripe_publishable_key or "",
        public_url=(settings.public_url or here) + SANDBOX_MOUNT,
        webhook_url=f"{here}/webhooks/stripe" if secrets else None,
        webhook_secret=secrets[0].get_secret_value() if secrets else None,
    )


def _rare(operations: Operations, exports: Exports) -> FastAPI:
    rare = FastAPI(title="Billgraph", docs_url=None, redoc_url=None, openapi_url=None)
    for name in ("healthz", "readyz", "metrics"):
        rare.add_api_route(f"/{name}", getattr(operations, name), response_model=None)
    rare.add_api_route("/exports/{file}", exports.download, response_model=None)
    return rare


def _viewers(settings: Settings) -> list[dict[str, str]]:
    return [{"label": f"{viewer.label} ({viewer.role})", "token": viewer.token} for viewer in demo_viewers(settings)]


def _middleware(settings: Settings, routes: list[BaseRoute]) -> list[Middleware]:
    declared = {route.path for route in routes if isinstance(route, Route)}
    declared |= {"/healthz", "/readyz", "/metrics", "/exports/", "/emails/", RECEIPTS}
    mounted = {f"{route.path}/" for route in routes if isinstance(route, Mount) and route.path}
    https = (settings.public_url or "").startswith("https://")
    return [
        *([Middleware(Dated)] if settings.sandbox else []),
        Middleware(RequestLog, declared=frozenset(declared | mounted), enabled=settings.access_log),
        Middleware(SecurityHeaders, https=https, apart=SANDBOX_MOUNT),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=("POST",),
            allow_headers=("authorization", "content-type", "x-request-id"),
            expose_headers=("x-request-id", "retry-after"),
            max_age=600,
        ),
    ]


@asynccontextmanager
async def _running(billing: Billing, authenticator: Authenticator, sandbox: Sandbox | None) -> AsyncIterator[None]:
    """Everything that lives while requests are served; ended in the opposite order, each part whatever became of the others."""
    settings = billing.settings
    async with AsyncExitStack() as stack:
        stack.push_async_callback(billing.stripe.close)
        stack.push_async_callback(authenticator.close)
        if settings.database_url is None:
            raise ValueError("Set DATABASE_URL.")
        await connect(settings.database_url.get_secret_value())
        stack.push_async_callback(disconnect)
        if sandbox is not None:
            await sandbox.start()
            stack.push_async_callback(sandbox.stop)
        if settings.embedded_worker:
            await stack.enter_async_context(_worker(billing))
        yield


@asynccontextmanager
async def _worker(billing: Billing) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(work(billing, stop, HANDLERS), name="worker")
    task.add_done_callback(_report)
    try:
        yield
    finally:
        stop.set()
        _, running = await asyncio.wait({task}, timeout=WORKER_STOP_LIMIT)
        for left in running:
            left.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.error("worker_died", exc_info=task.exception())
