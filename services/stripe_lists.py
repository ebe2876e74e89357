"""Stripe's lists page by page, the newest object first; never more than one page is held."""

from dataclasses import dataclass
from typing import Any

from services import stripe_fields as fields
from services.snapshot import Snapshot
from services.stripe_gateway import EXPANSIONS, PATHS, StripeGateway

PAGE = 100
"""Objects that one page has at most (docs.stripe.com/api/pagination)."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """Objects as they are now; `after` is the cursor of the page behind it, None at the end."""

    objects: list[Snapshot]
    after: str | None


async def list_page(stripe: StripeGateway, kind: str, parameters: dict[str, Any], after: str | None) -> ListPage:
    """The page behind the object `after`, or the first one; `kind` is Stripe's word for its objects, with what `retrieve` expands.

    Raises KeyError for a kind that is not read, UnknownShape for what is no list, and Refusals as `StripeGateway.call`.
    """
    asked: dict[str, Any] = {"limit": PAGE} | parameters | ({"starting_after": after} if after else {})
    if kind in EXPANSIONS:
        asked["expand"] = [f"data.{field}" for field in EXPANSIONS[kind]]
    path = f"/v1/{PATHS[kind]}"
    answer = await stripe.call(f"{kind}.list", lambda client: client.raw_request_async("get", path, **asked))
    found = [Snapshot(thing, answer.version, read=True) for thing in fields.rows(answer.object, "data")]
    more = bool(found) and answer.object.get("has_more") is True
    return ListPage(found, fields.text(found[-1].object, "id") if more else None)
