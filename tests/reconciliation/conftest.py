"""A world of its own for each test: a sandbox over HTTP, and a database of each engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from services.billing import Billing
from services.patient_gateway import PatientGateway
from tests.mirror.conftest import WatchingGateway
from tests.reconciliation.command import Command
from tests.reconciliation.world import World
from tests.services.between import between
from tests.services.conftest import settings_for


class Patient(PatientGateway, WatchingGateway):
    """Patient, and fails a test that asks Stripe anything while a transaction is open."""


@pytest_asyncio.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[World]:
    async with between(tmp_path) as front:
        settings = settings_for(front.base)
        billing = Billing(settings=settings, stripe=Patient(settings))
        yield World(billing, front)
        await billing.stripe.close()


@pytest_asyncio.fixture
async def command(world: World, database: str, tmp_path: Path) -> Command:
    return Command(tmp_path / "var", database, world.front.base)
