"""Stripe's webhook endpoint set up, told to an operator: the secret on stdout, everything else on stderr."""

import sys

from services.errors import Refusal
from services.stripe_fields import UnknownShape
from services.stripe_gateway import API_VERSION, StripeGateway
from services.webhook_endpoints import Setup, WebhookEndpoint, check_address, endpoint_url, set_up
from settings import Settings
from web.processes import run
from webhooks.handlers import HANDLERS


def run_listen_setup(settings: Settings, url: str | None, *, rotate: bool, replace: bool) -> int:
    """Set the endpoint of `url`, or of PUBLIC_URL, up; 1 and one line when it is refused."""

    async def prepared() -> int:
        stripe = StripeGateway(settings)
        try:
            address = url or endpoint_url(settings) or ""
            check_address(settings, address)
            done = await set_up(stripe, address, frozenset(HANDLERS), rotate=rotate, replace=replace)
        except (Refusal, UnknownShape) as refusal:
            _tell(f"{refusal}")
            return 1
        finally:
            await stripe.close()
        _report(done, overlap=bool(settings.stripe_webhook_secret))
        return 0

    return run(prepared)


def _report(done: Setup, *, overlap: bool) -> None:
    endpoint = done.endpoint
    if done.secret:
        _tell(f"made {endpoint.id} for {endpoint.url}: {len(endpoint.types)} event types, version {API_VERSION}")
        also = ", and the secret that is set now behind it after a comma," if overlap else ""
        _tell(f"Stripe tells the signing secret once. Put this line{also} into the settings and restart:")
        sys.stdout.write(f"STRIPE_WEBHOOK_SECRET={done.secret}\n")
    elif done.added or done.removed or done.enabled or done.marked:
        _tell(f"updated {endpoint.id} for {endpoint.url}: {_changes(done)}; its secret is the same")
    else:
        _tell(f"nothing to change: {endpoint.id} for {endpoint.url} has {len(endpoint.types)} event types, version {API_VERSION}")
    if done.disabled:
        _tell(f"disabled {', '.join(other.id for other in done.disabled)}: their secrets can go from STRIPE_WEBHOOK_SECRET")
    for other in done.others:
        _tell(_beside(other))


def _changes(done: Setup) -> str:
    told = [
        f"added {', '.join(done.added)}" if done.added else "",
        f"removed {', '.join(done.removed)}" if done.removed else "",
        "enabled" if done.enabled else "",
        "marked as Billgraph's" if done.marked else "",
    ]
    return "; ".join(filter(None, told))


def _beside(other: WebhookEndpoint) -> str:
    version = other.api_version or "the account's default"
    return (
        f"{other.id} (version {version}) delivers to the same address too, so that nothing is missed meanwhile; what comes twice is"
        " applied once. With the new secret in use, disable it: billgraph webhooks listen-setup --replace"
    )


def _tell(line: str) -> None:
    sys.stderr.write(f"billgraph: {line}\n")
