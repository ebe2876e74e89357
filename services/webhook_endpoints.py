"""The webhook endpoint at Stripe: what there is, how it differs from what this version needs, and setting it up.

An endpoint renders its events in the API version that it was made with, which cannot be changed afterwards, and its signing secret is
told once, when it is made (docs.stripe.com/api/webhook_endpoints). So another version or another secret is a second endpoint at the same
address: both deliver until the first one is disabled, and an event that comes twice is applied once.
"""

import dataclasses
import ipaddress
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import stripe

from services import stripe_fields as fields
from services.configuration import is_address
from services.errors import InvalidInput, Refusal, StripeRejected
from services.stripe_fields import Json
from services.stripe_gateway import API_VERSION, Request, StripeGateway
from settings import Settings

PATH = "/webhooks/stripe"
"""Where this service takes events."""

MAX_ENDPOINTS = 100
"""Endpoints that are read: Stripe keeps 16 for an account in each mode, and answers at most 100 in one page."""

MARK = {"billgraph": "webhooks"}
"""Metadata of an endpoint that was set up here."""

DESCRIPTION = "Billgraph: made and kept by `billgraph webhooks listen-setup`."


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """An endpoint as Stripe lists it; `types` are the event types that it is sent, `*` meaning nearly all."""

    id: str
    url: str
    api_version: str | None
    types: frozenset[str]
    enabled: bool
    marked: bool

    def fits(self) -> bool:
        """Whether its events have the shapes that this code is written for."""
        return self.api_version == API_VERSION


@dataclass(frozen=True, slots=True)
class Setup:
    """What a setup did: `secret` is only there when the endpoint was made now, `others` deliver to the same address too."""

    endpoint: WebhookEndpoint
    secret: str | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    enabled: bool = False
    marked: bool = False
    others: tuple[WebhookEndpoint, ...] = ()
    disabled: tuple[WebhookEndpoint, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything at Stripe is another than before."""
        return bool(self.secret or self.added or self.removed or self.enabled or self.marked or self.disabled)


def endpoint_url(settings: Settings) -> str | None:
    """Where Stripe posts to this service; None while PUBLIC_URL is not set."""
    return settings.public_url.rstrip("/") + PATH if settings.public_url else None


async def endpoints_at(stripe_: StripeGateway, url: str) -> list[WebhookEndpoint]:
    """The account's own endpoints of an address, the newest first, those of Connect applications left out. Raises Refusals."""
    found = await _asked(stripe_, "webhook_endpoint.list", lambda client: client.v1.webhook_endpoints.list_async({"limit": MAX_ENDPOINTS}))
    rows = [row for row in fields.rows(found, "data") if not row.get("application")]
    return [endpoint for endpoint in map(_read, rows) if endpoint.url == url]


def current_of(endpoints: list[WebhookEndpoint]) -> WebhookEndpoint | None:
    """Of endpoints at one address the one that counts: of the pinned version, enabled rather than not, the newest of these."""
    fitting = [endpoint for endpoint in endpoints if endpoint.fits()]
    return next((endpoint for endpoint in fitting if endpoint.enabled), fitting[0] if fitting else None)


async def set_up(stripe_: StripeGateway, url: str, types: frozenset[str], *, rotate: bool = False, replace: bool = False) -> Setup:
    """Have one endpoint at the address with exactly these event types and the pinned version; done already, nothing is changed.

    With `rotate` another one is made, for its new secret. With `replace` the others of the address are disabled, unless this very call
    made the endpoint: until its secret is set they are what is verified. Raises Refusals; what was done before one stays.
    """
    at_url = await endpoints_at(stripe_, url)
    current = None if rotate else current_of(at_url)
    done = await _adjusted(stripe_, current, types) if current else await _made(stripe_, url, types)
    others = tuple(endpoint for endpoint in at_url if endpoint.enabled and endpoint.id != done.endpoint.id)
    if not replace or done.secret:
        return dataclasses.replace(done, others=others)
    for other in others:
        await _updated(stripe_, other.id, {"disabled": True})
    return dataclasses.replace(done, disabled=others)


def check_address(settings: Settings, url: str) -> None:
    """Raise InvalidInput for an address that Stripe does not post to: not http(s), without TLS for live keys, on this machine."""
    if not is_address(url):
        raise InvalidInput("Give --url an absolute http:// or https:// address without user and password.")
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else ""
    if "_live_" in key and not url.startswith("https://"):
        raise InvalidInput("Give --url an https:// address: Stripe sends events of live keys over TLS alone.")
    if settings.stripe_api_base is None and _is_local(urlsplit(url).hostname or ""):
        raise InvalidInput(
            f"Stripe cannot reach {urlsplit(url).hostname}: set PUBLIC_URL or give --url with a public address, or on your own machine let"
            f" the Stripe CLI forward events: stripe listen --forward-to {url}"
        )


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


async def _made(stripe_: StripeGateway, url: str, types: frozenset[str]) -> Setup:
    params: Any = {"url": url, "enabled_events": sorted(types), "api_version": API_VERSION, "metadata": MARK, "description": DESCRIPTION}
    options: Any = {"idempotency_key": f"webhook-endpoint-{secrets.token_hex(16)}"}
    made = await _asked(stripe_, "webhook_endpoint.create", lambda client: client.v1.webhook_endpoints.create_async(params, options))
    return Setup(_read(made), secret=fields.text(made, "secret"))


async def _adjusted(stripe_: StripeGateway, found: WebhookEndpoint, types: frozenset[str]) -> Setup:
    added, removed = tuple(sorted(types - found.types)), tuple(sorted(found.types - types))
    done = Setup(found, added=added, removed=removed, enabled=not found.enabled, marked=not found.marked)
    if not done.changed:
        return done
    params = {"enabled_events": sorted(types), "disabled": False, "metadata": MARK}
    return dataclasses.replace(done, endpoint=await _updated(stripe_, found.id, params))


async def _updated(stripe_: StripeGateway, endpoint_id: str, params: Any) -> WebhookEndpoint:
    options: Any = {"idempotency_key": f"webhook-endpoint-{secrets.token_hex(16)}"}
    changed = await _asked(
        stripe_,
        "webhook_endpoint.update",
        lambda client: client.v1.webhook_endpoints.update_async(endpoint_id, params, options),
    )
    return _read(changed)


async def _asked(stripe_: StripeGateway, operation: str, request: Request) -> Json:
    try:
        return (await stripe_.call(operation, request)).object
    except Refusal as refusal:
        if isinstance(refusal.__cause__, stripe.PermissionError):
            raise StripeRejected(
                "The key may not do this: give the restricted key of STRIPE_SECRET_KEY the permission to write webhook endpoints."
            ) from refusal
        raise


def _read(endpoint: Json) -> WebhookEndpoint:
    types = endpoint.get("enabled_events")
    return WebhookEndpoint(
        id=fields.text(endpoint, "id"),
        url=fields.text(endpoint, "url"),
        api_version=fields.optional_text(endpoint, "api_version"),
        types=frozenset(word for word in types if isinstance(word, str)) if isinstance(types, list) else frozenset(),
        enabled=endpoint.get("status") == "enabled",
        marked=MARK.items() <= fields.metadata(endpoint).items(),
    )


def differences(endpoints: list[WebhookEndpoint], types: frozenset[str]) -> Iterator[str]:
    """How the endpoints of our address differ from what is needed, each difference in words; nothing when one of them is right."""
    current = next((endpoint for endpoint in endpoints if endpoint.enabled and endpoint.fits()), None)
    enabled = current or next((endpoint for endpoint in endpoints if endpoint.enabled), None)
    if enabled is None:
        yield "disabled" if endpoints else "no endpoint"
        return
    if not enabled.fits():
        yield f"other version: {enabled.api_version or 'the default of the account'}"
    if missing := types - enabled.types - (types if "*" in enabled.types else frozenset()):
        yield f"missing types: {', '.join(sorted(missing))}"
    if superfluous := enabled.types - types:
        yield f"superfluous types: {', '.join(sorted(superfluous))}"
