"""A running `billgraph serve`: a real process on a real port, with the embedded sandbox."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent
READY = "Stop with Ctrl+C."
START_LIMIT = 60.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


class Served:
    """A running `billgraph serve`; its output goes to files, so that no pipe can fill."""

    def __init__(self, var: Path, port: int, **settings: str) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self._out, self._log = var.parent / f"{var.name}.out", var.parent / f"{var.name}.log"
        bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        with self._out.open("w") as out, self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", "serve"],
                cwd=ROOT,
                env={**bare, "BILLGRAPH_VAR": str(var), "PORT": str(port), **settings},
                stdout=out,
                stderr=log,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while READY not in self.out:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    def token(self, role: str, name: str = "") -> str:
        """Of the first of that role, or of the one whose name begins so."""
        found = re.search(rf"^  {role} +{name}.*\n  (\S+)$", self.out, re.MULTILINE)
        assert found is not None
        return found[1]

    def ask(self, query: str, role: str = "CUSTOMER") -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.token(role)}"}
        answer = httpx.post(f"{self.address}/graphql", json={"query": query}, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def serving(var: Path, port: int, **settings: str) -> Iterator[Served]:
    served = Served(var, port, **settings)
    try:
        served.wait()
        yield served
    finally:
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait()
