"""A sandbox over real HTTP, a receiver of its webhooks, and the real SDK to speak to them."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import stripe
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from sandbox import Sandbox, create_sandbox
from sandbox.cards import CardForm
from sandbox.submission import Buyer
from sandbox.views import PaymentResult

SECRET = "sk_test_sandbox_secret_key"
PUBLISHABLE = "pk_test_sandbox_publishable_key"
WEBHOOK_SECRET = "whsec_sandbox_tests"


class Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


class Served:
    """A sandbox that is served, the events that its receiver got (in order), and what the receiver answers."""

    def __init__(self, store: Path | str) -> None:
        self.store = store
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio leaves it unset on sockets that it is handed
        self.origin = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.url = f"{self.origin}/sandbox"
        self.running = False
        self.received: list[dict[str, Any]] = []
        self.signatures: list[tuple[str, str]] = []
        self.answers: list[int] = []
        self.sandbox: Sandbox
        self.http: list[stripe.HTTPXClient] = []
        self.client = self.sdk(SECRET)

    def sdk(self, key: str) -> stripe.StripeClient:
        self.http.append(stripe.HTTPXClient(timeout=10))
        return stripe.StripeClient(key, base_addresses={"api": self.url}, http_client=self.http[-1], max_network_retries=0)

    def make(self) -> Sandbox:
        return create_sandbox(
            store=self.store,
            secret_key=SECRET,
            publishable_key=PUBLISHABLE,
            public_url=self.url,
            webhook_url=f"{self.origin}/hook",
            webhook_secret=WEBHOOK_SECRET,
        )

    async def receive(self, request: Request) -> Response:
        body = (await request.body()).decode()
        self.signatures.append((body, request.headers["stripe-signature"]))
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.received.append(json.loads(body))
        return Response(status_code=status)

    async def start(self) -> None:
        self.sandbox = self.make()
        await self.sandbox.start()
        app = Starlette(routes=[Mount("/sandbox", app=self.sandbox), Route("/hook", self.receive, methods=["POST"])])
        self.server = Server(uvicorn.Config(app, log_level="warning", lifespan="off", date_header=False))

    async def stop(self) -> None:
        self.running = False
        self.server.should_exit = True
        await self.serving
        await self.sandbox.stop()
        for http in self.http:
            await http.close_async()  # type: ignore[no-untyped-call] # the SDK does not annotate it

    async def run(self) -> None:
        await self.start()
        self.serving = asyncio.create_task(self.server.serve([self.listener]))
        await self.server.listening.wait()
        self.running = True

    async def types(self) -> list[str]:
        """Return the types of the events received since the last call."""
        await self.sandbox.drain()
        kinds = [event["type"] for event in self.received]
        self.received.clear()
        return kinds


class Shop:
    """What most tests sell: a product with a monthly and a one-time price, to a customer."""

    def __init__(self, served: Served) -> None:
        self.served, self.client = served, served.client
        self.customer: stripe.Customer
        self.product: stripe.Product
        self.monthly: stripe.Price
        self.once: stripe.Price

    async def open(self) -> "Shop":
        v1 = self.client.v1
        self.customer = await v1.customers.create_async({"email": "ada@example.com", "name": "Ada"})
        self.product = await v1.products.create_async({"name": "Plan"})
        month = {"product": self.product.id, "currency": "usd", "unit_amount": 1500, "recurring": {"interval": "month"}}
        self.monthly = await v1.prices.create_async(month)  # type: ignore[arg-type] # a plain dict, as callers send
        self.once = await v1.prices.create_async({"product": self.product.id, "currency": "usd", "unit_amount": 5000})
        await self.served.types()
        return self

    async def session(self, mode: str = "payment", **more: Any) -> stripe.checkout.Session:
        price = self.once if mode == "payment" else self.monthly
        given: Any = {
            "mode": mode,
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": "https://shop.test/?s={CHECKOUT_SESSION_ID}",
        }
        return await self.client.v1.checkout.sessions.create_async(given | {"customer": self.customer.id} | more)

    async def submit(self, session: stripe.checkout.Session, number: str = "4242424242424242") -> PaymentResult:
        return await self.served.sandbox.engine.submit_checkout(session.id, card(number), Buyer("ada@example.com", "Ada"))

    async def paid(self, number: str = "4242424242424242", **more: Any) -> stripe.PaymentIntent:
        session = await self.session(**more)
        await self.submit(session, number)
        found = await self.client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})
        await self.served.types()
        assert isinstance(found.payment_intent, stripe.PaymentIntent)
        return found.payment_intent

    async def subscribed(self, number: str = "4242424242424242", **more: Any) -> stripe.Subscription:
        session = await self.session("subscription", **more)
        await self.submit(session, number)
        found = await self.client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["subscription"]})
        await self.served.types()
        assert isinstance(found.subscription, stripe.Subscription)
        return found.subscription


def card(number: str = "4242424242424242") -> CardForm:
    return CardForm(number, 12, 2055, "123")


Serve = Callable[[Path | str], Awaitable[Served]]
