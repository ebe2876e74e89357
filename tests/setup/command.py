"""The real command in a process of its own, while the test's own loop serves what it speaks to."""

import asyncio
import os
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
LIMIT = 60.0


class Ended(NamedTuple):
    code: int
    out: str
    told: str


async def billgraph(*arguments: str, var: Path, **environment: str) -> Ended:
    """What the command ended with; of stderr only what it tells a person, without log lines."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        cwd=ROOT,
        env={**bare, "BILLGRAPH_VAR": str(var), "LOG_LEVEL": "ERROR", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LIMIT):
        out, error = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), error.decode())
