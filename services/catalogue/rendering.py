"""The catalogue printed as the file that makes it."""

import json
from collections.abc import Iterable
from typing import Any

from models import Plan, Price, Seller

PLAN = ("code", "kind", "name", "description", "plan_group", "credits", "credit_days", "features", "repeatable", "seller")
PRICE = ("currency", "unit_amount", "interval", "interval_count", "trial_days", "instalments")
"""Fields, in the order in which they are printed."""


async def rendered() -> str:
    """What is sold now; to push it changes nothing."""
    sellers = {row.id: row.external_id for row in await Seller.all()}
    prices: dict[str, list[Price]] = {}
    for price in await Price.filter(active=True).order_by("currency", "interval", "interval_count", "id"):
        prices.setdefault(price.plan_id, []).append(price)
    plans = await Plan.filter(active=True).order_by("code")
    return "\n".join(_plan(plan, sellers.get(plan.seller_id or ""), prices.get(plan.id, [])) for plan in plans)


def _plan(plan: Plan, seller: str | None, prices: Iterable[Price]) -> str:
    told = {name: getattr(plan, name) for name in PLAN if name != "seller"} | {"seller": seller, "kind": str(plan.kind).lower()}
    defaults = {"credits": 0, "features": [], "repeatable": False}
    parts = _table("plan", PLAN, told, defaults)
    for price in prices:
        of_price = {name: getattr(price, name) for name in PRICE} | {"interval": price.interval and price.interval.lower()}
        parts += "\n" + _table("plan.price", PRICE, of_price, {"interval_count": 1})
    return parts


def _table(name: str, fields: tuple[str, ...], told: dict[str, Any], defaults: dict[str, Any]) -> str:
    kept = [field for field in fields if told[field] is not None and told[field] != defaults.get(field)]
    return f"[[{name}]]\n" + "".join(f"{field} = {_value(told[field])}\n" for field in kept)


def _value(value: Any) -> str:
    """As TOML: its strings are JSON's, but for the delete character, which must be escaped too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
