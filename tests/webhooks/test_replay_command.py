"""`billgraph webhooks replay` and `failed` as an operator runs them, each a process of its own."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from models import AuditEntry, Payment, WebhookEvent
from services.billing import Billing
from services.inbox import receive
from services.stripe_event import read_event
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, event, refund, succeeded
from tests.mirror.shelf import Shelf
from tests.test_cli import billgraph
from webhooks.handlers import HANDLERS


@pytest.fixture
def command(database: str, shelf: Shelf, tmp_path: Path) -> Any:
    surroundings = {
        "DATABASE_URL": database,
        "STRIPE_API_BASE": shelf.base,
        "STRIPE_SECRET_KEY": "sk_test_shelf",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_shelf",
        "SANDBOX": "false",
        "LOG_LEVEL": "ERROR",
    }

    async def run(*arguments: str) -> tuple[int, str, str]:
        ended = await asyncio.to_thread(lambda: billgraph("webhooks", *arguments, var=tmp_path, **surroundings))
        return ended.returncode, ended.stdout, ended.stderr

    return run


async def deliver(billing: Billing, sent: dict[str, Any]) -> WebhookEvent:
    await receive(billing, read_event(json.dumps(sent)), HANDLERS)
    return await WebhookEvent.get(stripe_event_id=sent["id"])


async def test_a_dry_run_shows_and_a_replay_does(billing: Billing, ids: Ids, command: Any) -> None:
    row = await deliver(billing, event("payment_intent.succeeded", succeeded(ours=ids.payment), START + 5))
    await Payment.filter(id=ids.payment).update(status="PENDING", intent_version=0)
    told = f"{row.id}  PROCESSED, 1 columns change\n    payment {ids.payment}  status: 'PENDING' -> 'SUCCEEDED'\n"
    assert await command("replay", row.stripe_event_id, "--dry-run") == (0, told, "billgraph: 1 events looked at, 0 failed\n")
    assert ((await Payment.get(id=ids.payment)).status, (await WebhookEvent.get(id=row.id)).attempts) == ("PENDING", 1)
    code, out, said = await command("replay", row.id, "--yes")
    assert (code, out, said) == (0, f"{told}{row.id}  PROCESSED\n", "billgraph: 1 events replayed, 0 failed\n")
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"
    assert (await AuditEntry.get(action="webhook_event.replay")).actor == "cli"


async def test_what_failed_is_listed_and_replayed_once_its_cause_is_gone(billing: Billing, ids: Ids, shelf: Shelf, command: Any) -> None:
    assert await command("failed") == (0, "", "billgraph: 0 failed events\n")
    shelf.broken = True
    row = await deliver(billing, event("refund.created", refund(), START + 50))
    code, out, said = await command("failed")
    assert (code, said) == (1, "billgraph: 1 failed events\n")
    assert out.startswith(f"{row.id}  {row.stripe_event_id}  refund.created  attempts 1  next 20")
    assert out.endswith("    StripeRejected: broken\n")
    code, out, said = await command("replay", "--failed", "--yes")
    assert (code, out, said) == (1, f"{row.id}  would fail: broken\n", "billgraph: 1 events replayed, 1 failed\n")
    shelf.broken = False
    shelf.put(succeeded(ours=ids.payment))
    shelf.put(charge(amount_refunded=1000))
    code, out, said = await command("replay", "--failed", "--yes")
    assert (code, said) == (0, "billgraph: 1 events replayed, 0 failed\n")
    assert out.endswith(f"{row.id}  PROCESSED\n")
    assert await command("failed") == (0, "", "billgraph: 0 failed events\n")


async def test_what_is_not_there_and_what_is_not_said_are_told(billing: Billing, ids: Ids, command: Any) -> None:
    assert await command("replay", "evt_none", "--yes") == (
        1,
        "evt_none  would fail: There is no such event.\n",
        "billgraph: 1 events replayed, 1 failed\n",
    )
    for arguments in ([], ["evt_1", "--failed"]):
        assert await command("replay", *arguments) == (2, "", "billgraph: Name events, or say --failed.\n")
    for name in ("\udcff", "whe_\n", "é"):
        assert await command("replay", name) == (2, "", "billgraph: Ids of events have letters, digits and underscores.\n")
