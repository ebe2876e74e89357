"""The receiver that docs/events.md shows, run as it stands there; and that its samples are of every type."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import httpx

from models import EventDestination
from services.deliveries.events import EVENT_TYPES
from services.deliveries.posting import Poster
from services.deliveries.sending import send_due
from services.deliveries.signing import new_secret
from tests.deliveries.samples import ROWS, sample
from tests.deliveries.test_sending import SETTINGS, delivery
from tests.served import free_port

PAGE = Path(__file__).parents[2] / "docs" / "events.md"


async def test_it_verifies_what_is_sent_and_passes_doubles(database: str, tmp_path: Path, poster: Poster) -> None:
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "receiver.py").write_text(text, encoding="utf-8")
    secret, port = new_secret(), free_port()
    environment = {"PATH": os.environ["PATH"], "BILLGRAPH_EVENTS_SECRET": secret, "PORT": str(port)}
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, str(tmp_path / "receiver.py")), env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await listening(port)
        url = f"http://127.0.0.1:{port}/"
        to = await EventDestination.create(url=url, secret=new_secret(), former_secret=None)
        forged = await delivery(to, "pay_forged")
        assert await send_due(SETTINGS, poster, to.id) == 1
        await forged.refresh_from_db()
        assert (forged.status, forged.response_code) == ("FAILED", 400)
        await EventDestination.filter(id=to.id).update(secret=secret)
        rows = [await delivery(to, f"pay_{number}", payload=sample("payment.succeeded")) for number in (1, 2)]
        assert await send_due(SETTINGS, poster, to.id) == 2
        for row in rows:
            await row.refresh_from_db()
            assert (row.status, row.response_code) == ("DELIVERED", 204)
        assert running.stdout is not None
        said = json.loads(sample("payment.succeeded"))
        assert (await running.stdout.readline()).decode() == f"payment.succeeded {said['data']['id']}\n"
    finally:
        running.kill()
        rest, _ = await running.communicate()
    assert rest == b""


async def listening(port: int) -> None:
    async with asyncio.timeout(20), httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(f"http://127.0.0.1:{port}/")
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
            else:
                return


def test_there_is_a_sample_of_every_type() -> None:
    assert set(ROWS) == set(EVENT_TYPES)
    for name in ROWS:
        said = json.loads(sample(name))
        assert (said["type"], said["data"]["object"]) == (name, name.partition(".")[0].replace("credits", "credit_entry"))
