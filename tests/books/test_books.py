"""Everything that customers, support and the host can do with money, at random; after each step the books are what plain Python says."""

import asyncio
import os
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from models.database import connect, disconnect
from services.billing import Billing
from tests.books.crediting import Crediting
from tests.books.disputing import Disputing
from tests.books.invoicing import Invoicing
from tests.books.selling import Selling
from tests.books.world import LosingGateway, World
from tests.convergence.stage import stage_in
from tests.services.conftest import settings_for

SOAK = os.environ.get("BILLGRAPH_SOAK") == "1"
HISTORIES, STEPS = (600, 40) if SOAK else (25, 16)
"""Of each engine."""

PHASES = (Phase.generate, Phase.shrink) if SOAK else (Phase.generate,)
"""A history that fails is made short only where there is time for it; its steps and its seed are printed in any case."""


class Money(Selling, Disputing, Invoicing, Crediting):
    """All rules together."""


def test_the_books_are_what_plain_python_says(database_url: str, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        holder: dict[str, Any] = {}

        async def open_world() -> None:
            await connect(database_url)
            holder["stage"] = stage_in(tmp_path)
            stage = await holder["stage"].__aenter__()
            chosen = settings_for(stage.base)
            gateway = holder["gateway"] = LosingGateway(chosen)
            await stage.open()
            Money.world = World(Billing(chosen, gateway), gateway, stage)
            await Money.world.keep()

        async def close_world() -> None:
            await holder["gateway"].close()
            await holder["stage"].__aexit__(None, None, None)
            await disconnect()

        Money.runner = runner
        runner.run(open_world())
        try:
            chosen = settings(
                max_examples=HISTORIES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES
            )
            run_state_machine_as_test(Money, settings=chosen)
        finally:
            runner.run(close_world())
