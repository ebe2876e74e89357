"""Signatures of Standard Webhooks (github.com/standard-webhooks/standard-webhooks), and the secrets that they are made with."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from models import Delivery, EventDestination

SECRET_BYTES = 32

OVERLAP = timedelta(days=1)
"""After a secret is replaced, events are signed with both for so long."""


def new_secret() -> str:
    """A secret as receivers are given it: whsec_ and base64."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def headers_of(delivery: Delivery, destination: EventDestination) -> dict[str, str]:
    """The headers that a delivery is posted with now; one signature for each secret that is good."""
    now = datetime.now(UTC)
    signatures = [Webhook(secret).sign(delivery.event_id, now, delivery.payload) for secret in _good(destination, now)]
    return {
        "content-type": "application/json",
        "user-agent": "Billgraph",
        "webhook-id": delivery.event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _good(destination: EventDestination, now: datetime) -> list[str]:
    until = destination.former_secret_until
    former = destination.former_secret if until and now < until else None
    return [secret for secret in (destination.secret, former) if secret]
