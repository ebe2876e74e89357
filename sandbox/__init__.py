"""A stateful Stripe on your own machine: the API that the real SDK speaks to, signed webhooks, and pages. For development only.

See sandbox/engine.py for what the pages may call. Nothing of the product is imported here.
"""

from pathlib import Path

from sandbox.app import Sandbox
from sandbox.configuration import Configuration

__all__ = ["Sandbox", "create_sandbox"]


def create_sandbox(
    *, store: Path | str, secret_key: str, publishable_key: str, public_url: str, webhook_url: str | None, webhook_secret: str | None
) -> Sandbox:
    """Return a sandbox that keeps its objects in the SQLite file `store` (":memory:" for none).

    `public_url` is where it is mounted: the SDK's `base_addresses["api"]`, API calls arrive at {public_url}/v1/….
    Events are posted to `webhook_url`, signed with `webhook_secret`; with None they are kept and not sent.
    Raises ValueError for keys that are not test keys, or a webhook_url without its secret.
    """
    return Sandbox(Configuration(secret_key, publishable_key, public_url.rstrip("/"), webhook_url, webhook_secret), store)
