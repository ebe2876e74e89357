"""The endpoint by itself, over ASGI, and bodies signed for it."""

import json
import time
from collections.abc import Iterable
from typing import Any

import httpx
import stripe
from starlette.applications import Starlette
from starlette.routing import Route

from services.billing import Billing
from tests.mirror.conftest import SECRETS
from webhooks.route import webhook_endpoint

NEW, OLD = SECRETS


def sign(body: str, secret: str = NEW, *, shift: int = 0, scheme: str = "v1") -> str:
    stamp = int(time.time()) + shift
    header: str = stripe.WebhookSignature.generate_signature_header(body, secret, stamp)
    return header.replace("v1=", f"{scheme}=")


def client_of(billing: Billing) -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/webhooks/stripe", webhook_endpoint(billing))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://billgraph.test")


async def post(client: httpx.AsyncClient, body: str | bytes, signature: str | bytes | None) -> httpx.Response:
    raw = body if isinstance(body, bytes) else body.encode()
    given = signature.encode("latin-1") if isinstance(signature, str) else signature
    headers: Iterable[tuple[bytes, bytes]] = [] if given is None else [(b"stripe-signature", given)]
    return await client.post("/webhooks/stripe", content=raw, headers=list(headers))


async def send(client: httpx.AsyncClient, sent: dict[str, Any]) -> httpx.Response:
    body = json.dumps(sent)
    return await post(client, body, sign(body))
