"""`billgraph erase` as an operator runs it, and an erasure that is killed in the middle."""

import asyncio
import signal
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from models import AuditEntry, Customer, Erasure
from services.authentication import Role
from services.billing import Billing
from tests.erasure.person import EXTERNAL_ID, live, places
from tests.erasure.person import everything as all_rows
from tests.reconciliation.command import Command
from tests.recovery.test_kill import FINISH_LIMIT, Servers, servers
from tests.services.between import Between, Held, error
from tests.services.subscribers import begun

__all__ = ["servers"]

ERASE = """mutation ($input: EraseCustomerInput!) {
  eraseCustomer(input: $input) { it: customer { id externalId email name erasedAt } userErrors { code message } }
}"""


@pytest.fixture
def command(tmp_path: Path, database: str, stripe: Between) -> Command:
    return Command(tmp_path / "var", database, stripe.base)


async def test_an_operator_erases(shop: Billing, stripe: Between, command: Command) -> None:
    person = await live(shop, stripe)
    row_id, before = person.customer.id, await all_rows()
    unsaid = await command.run("erase", EXTERNAL_ID)
    assert unsaid.code == 1
    assert f"billgraph: {row_id}, a customer since {person.customer.created_at:%Y-%m-%d}, is erased here" in unsaid.told
    assert await all_rows() == before
    assert tuple(await command.run("erase", EXTERNAL_ID, "--yes")) == (0, "", f"billgraph: {row_id} is erased\n")
    assert await places(person.traces) == []
    assert (await AuditEntry.get(action="customer.erase")).actor == "cli"
    after = await all_rows()
    assert tuple(await command.run("erase", row_id, "--yes")) == (0, "", f"billgraph: {row_id} is erased\n")
    assert tuple(await command.run("erase", EXTERNAL_ID, "--yes")) == (1, "", f"billgraph: There is no customer {EXTERNAL_ID}.\n")
    assert await all_rows() == after


async def test_an_operator_is_told_what_is_open(shop: Billing, stripe: Between, command: Command) -> None:
    subscription = await begun(shop, stripe)
    before = await all_rows()
    told = f"Something of this customer is still open: {subscription.id} is ACTIVE: end it now, with atPeriodEnd false."
    assert tuple(await command.run("erase", "alice", "--yes")) == (1, "", f"billgraph: {told}\n")
    assert await all_rows() == before


async def test_an_operator_is_told_by_which_name_to_go_on(shop: Billing, stripe: Between, command: Command) -> None:
    """The host's is forgotten by then."""
    person = await live(shop, stripe)
    row_id = person.customer.id
    stripe.faults = [(f"/customers/{person.customer.stripe_customer_id}", error(400, "invalid_request_error", "Not now."))]
    stopped = await command.run("erase", EXTERNAL_ID, "--yes")
    assert stopped.code == 1
    assert stopped.told.endswith(f" The rest is done by the worker, or by `billgraph erase {row_id}`.\n")
    assert tuple(await command.run("erase", row_id, "--yes")) == (0, "", f"billgraph: {row_id} is erased\n")
    assert await places(person.traces) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl+C"])
async def test_the_same_command_goes_on(shop: Billing, stripe: Between, command: Command, number: signal.Signals) -> None:
    """Whoever asked by the host's id asks by it again, though the customer's row does not say it any more."""
    person = await live(shop, stripe)
    row_id, held = person.customer.id, Held(early=True)
    stripe.faults = [(f"/customers/{person.customer.stripe_customer_id}", held)]
    running = await command.start("erase", EXTERNAL_ID, "--yes")
    async with asyncio.timeout(FINISH_LIMIT):
        await held.arrived.wait()
    running.send(number)
    ended = await running.end()
    held.released.set()
    if number is signal.SIGINT:
        told = f"stopped: the rest is done by the worker, or by `billgraph erase {row_id}`"
        assert tuple(ended) == (130, "", f"billgraph: {told}\n")
    assert (await Erasure.get()).status == "PENDING"
    assert tuple(await command.run("erase", EXTERNAL_ID, "--yes")) == (0, "", f"billgraph: {row_id} is erased\n")
    assert await places(person.traces) == []


@pytest.mark.parametrize("early", [True, False], ids=["before Stripe was asked", "after Stripe answered"])
async def test_killed_in_the_middle_it_is_finished_by_the_worker(shop: Billing, stripe: Between, servers: Servers, early: bool) -> None:
    person = await live(shop, stripe)
    held = Held(early)
    stripe.faults = [(f"/customers/{person.customer.stripe_customer_id}", held)]
    server = await servers.start()
    asking = asyncio.create_task(server.ask(ERASE, "root", Role.ADMIN, id=person.customer.id, idempotencyKey="key"))
    async with asyncio.timeout(FINISH_LIMIT):
        await held.arrived.wait()
    await server.kill()
    held.released.set()
    with pytest.raises(httpx.HTTPError):
        await asking
    row = await Erasure.get()
    assert (row.status, row.external_id) == ("PENDING", EXTERNAL_ID)
    assert (await Customer.get(id=person.customer.id)).email is None
    await Erasure.filter(id=row.id).update(created_at=row.created_at - timedelta(minutes=5))
    server = await servers.start()
    async with asyncio.timeout(FINISH_LIMIT):
        while (await Erasure.get()).status == "PENDING":  # noqa: ASYNC110 - another process ends it
            await asyncio.sleep(0.1)
    assert await places(person.traces) == []
    assert await AuditEntry.filter(action="customer.erase").count() == 1
    told = await shop.stripe.retrieve("customer", str(person.customer.stripe_customer_id))
    assert told is not None
    assert told.gone
