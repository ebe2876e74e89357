"""`billgraph serve` as `make run` starts it: a real process on a real port, stopped by signals."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.served import ROOT, Served, free_port, serving

PLANS = "{ plans(first: 100) { nodes { code } } viewer { externalId roles } }"


def test_it_serves_refuses_a_taken_port_stops_and_keeps_its_data(tmp_path: Path) -> None:
    var, port = tmp_path / "var", free_port()
    with serving(var, port) as served:
        assert httpx.get(f"{served.address}/readyz").json()["status"] == "ready"
        assert httpx.get(f"{served.address}/graphiql").status_code == 200
        first = served.ask(PLANS)
        assert first["data"]["viewer"] == {"externalId": "demo-customer", "roles": ["CUSTOMER"]}
        assert len(first["data"]["plans"]["nodes"]) >= 3
        second = Served(tmp_path / "second", port)
        assert second.process.wait(30) == 1
        assert second.log == f"billgraph: Port {port} of 127.0.0.1 cannot be used (Address already in use): set PORT to another one.\n"
        secrets = [path.read_text().strip() for path in (var / "secrets").iterdir() if path.name != "stripe_publishable_key"]
        assert served.stop(signal.SIGTERM) == 0
        assert "Traceback" not in served.log
        assert [
            secret for secret in [*secrets, served.token("ADMIN")] if secret in served.log + served.out.replace(served.token("ADMIN"), "")
        ] == []
    with serving(var, port) as served:
        assert served.ask(PLANS) == first
        assert served.stop(signal.SIGINT) == 0
        assert "Traceback" not in served.log


def test_a_database_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "BILLGRAPH_VAR": str(tmp_path), "PORT": str(free_port())}
    environment["DATABASE_URL"] = f"postgres://billgraph:hidden@127.0.0.1:{free_port()}/billgraph"
    for command, code in (("serve", 1), ("migrate", 1)):
        ended = subprocess.run(
            [sys.executable, "-m", "cli", command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == code
        assert re.fullmatch(r"billgraph: The database does not answer \(\w+\): check DATABASE_URL\.\n", ended.stderr)
        assert "hidden" not in ended.stdout + ended.stderr


def migrate(var: Path, *options: str) -> tuple[int, list[str], str]:
    environment = {"PATH": os.environ["PATH"], "BILLGRAPH_VAR": str(var)}
    command = [sys.executable, "-m", "cli", "migrate", *options]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout.splitlines(), ended.stderr


def test_migrate_checks_applies_and_has_nothing_left(tmp_path: Path) -> None:
    code, names, said = migrate(tmp_path, "--check")
    assert (code, said) == (1, f"billgraph: {len(names)} migrations pending\n")
    assert names
    assert migrate(tmp_path) == (0, names, f"billgraph: {len(names)} migrations applied\n")
    assert migrate(tmp_path, "--check") == (0, [], "billgraph: 0 migrations pending\n")
    assert migrate(tmp_path) == (0, [], "billgraph: 0 migrations applied\n")
