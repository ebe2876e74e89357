"""Posting signed events to a running server, and posting them again until they are taken, as Stripe does."""

import asyncio
import json
import time
from typing import Any

import httpx
import stripe

SECRET = "whsec_of_the_sender"
TRIES = 20
PAUSE = 0.2

Sent = dict[str, Any]


def signed(sent: Sent) -> tuple[str, dict[str, str]]:
    body = json.dumps(sent)
    header = stripe.WebhookSignature.generate_signature_header(body, SECRET, int(time.time()))
    return body, {"stripe-signature": header, "content-type": "application/json"}


async def post(client: httpx.AsyncClient, sent: Sent) -> int | None:
    """The status answered; None when nobody answered."""
    body, headers = signed(sent)
    try:
        return (await client.post("/webhooks/stripe", content=body, headers=headers)).status_code
    except httpx.HTTPError:
        return None


async def insist(client: httpx.AsyncClient, sent: Sent) -> list[int | None]:
    """Post an event until it is answered 200; every answer."""
    answers: list[int | None] = []
    while len(answers) < TRIES:
        answers.append(await post(client, sent))
        if answers[-1] == 200:
            return answers
        await asyncio.sleep(PAUSE)
    raise AssertionError(f"{sent['id']} was never taken: {answers}")
