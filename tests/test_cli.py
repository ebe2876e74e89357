"""The `billgraph` command as a person or a unit file runs it: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import jwt
import pytest

ROOT = Path(__file__).parent.parent


def billgraph(*arguments: str, var: Path, stdin: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [sys.executable, "-m", "cli", *arguments]
    surroundings = {**bare, "BILLGRAPH_VAR": str(var), **environment}
    return subprocess.run(command, cwd=ROOT, env=surroundings, input=stdin, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "seed"])
def test_production_without_settings_refuses_in_one_line(command: str, tmp_path: Path) -> None:
    ended = billgraph(command, var=tmp_path, ENVIRONMENT="production")
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (
        "billgraph: Set STRIPE_SECRET_KEY to your account's key, or STRIPE_ENABLED=false to sell nothing. (and 8 more: billgraph config)\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    ended = billgraph("serve", var=tmp_path, PORT="hidden")
    assert ended.returncode == 2
    assert ended.stderr.startswith("billgraph: Set PORT to something else: ")
    assert ended.stderr.count("\n") == 1
    assert "hidden" not in ended.stderr


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = billgraph("serve", var=tmp_path / "file" / "var")
    assert (ended.returncode, ended.stderr) == (2, "billgraph: Set BILLGRAPH_VAR to a folder that can be written: Not a directory.\n")


def test_the_worker_is_not_run_twice(tmp_path: Path) -> None:
    ended = billgraph("worker", var=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr == ("billgraph: Set EMBEDDED_WORKER=false for the API too: as it is, the worker runs inside `billgraph serve`.\n")


def test_token_prints_a_token_and_nothing_else(tmp_path: Path) -> None:
    secret = "0123456789abcdef0123456789abcdef-of-the-tests"
    arguments = ("token", "--subject", "user-1", "--role", "SUPPORT", "--role", "admin", "--email", "a@example.com", "--hours", "2")
    ended = billgraph(*arguments, var=tmp_path, AUTH_SECRET=secret)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("\n") == 1
    claims = jwt.decode(ended.stdout.strip(), secret, algorithms=["HS256"], audience="billgraph", issuer="billgraph")
    assert claims.pop("exp") - claims.pop("iat") == 7200
    assert claims == {"iss": "billgraph", "aud": "billgraph", "sub": "user-1", "roles": ["ADMIN", "SUPPORT"], "email": "a@example.com"}


def test_tokens_of_a_fresh_checkout_agree(tmp_path: Path) -> None:
    tokens = [billgraph("token", "--subject", "u", "--role", "CUSTOMER", var=tmp_path).stdout.strip() for _ in range(2)]
    secret = (tmp_path / "secrets" / "auth_secret").read_text().strip()
    assert [jwt.decode(token, secret, algorithms=["HS256"], audience="billgraph")["sub"] for token in tokens] == ["u", "u"]


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (
            ("--subject", "u", "--role", "CUSTOMER"),
            {"ENVIRONMENT": "production"},
            "Tokens are issued in development only: in production they come from your identity provider.",
        ),
        (
            ("--subject", "u", "--role", "root"),
            {},
            "There is no role 'root': choose of CUSTOMER, SELLER, SUPPORT, SERVICE, ADMIN.",
        ),
        (("--subject", "", "--role", "CUSTOMER"), {}, "The subject must have 1 to 255 characters and no NUL."),
        (
            ("--subject", "u", "--role", "CUSTOMER"),
            {"AUTH_ALGORITHM": "RS256", "AUTH_JWKS_URL": "http://127.0.0.1:9/keys"},
            "AUTH_ALGORITHM is RS256: only the issuer can sign tokens. Development tokens need HS256.",
        ),
    ],
)
def test_token_refuses(arguments: tuple[str, ...], environment: dict[str, str], line: str, tmp_path: Path) -> None:
    ended = billgraph("token", *arguments, var=tmp_path, **environment)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"billgraph: {line}\n")


def test_config_prints_settings_without_secrets(tmp_path: Path) -> None:
    ended = billgraph("config", var=tmp_path, AUTH_SECRET="hidden-hidden-hidden-hidden-hidden", DATABASE_URL="postgres://u:hidden@h/x")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "AUTH_SECRET=[set]\n" in ended.stdout
    assert "DATABASE_URL=[set]\n" in ended.stdout
    assert "PORT=8000\n" in ended.stdout
    assert "hidden" not in ended.stdout


def test_config_names_every_problem(tmp_path: Path) -> None:
    ended = billgraph("config", var=tmp_path, ENVIRONMENT="production", SANDBOX="true")
    assert ended.returncode == 2
    assert "Set SANDBOX=false: the sandbox is not served in production.\n" in ended.stderr
    assert len(ended.stderr.splitlines()) == 10


def test_help_imports_nothing_heavy() -> None:
    probe = "import sys, cli; print(sorted({'stripe', 'tortoise', 'fastapi', 'strawberry', 'uvicorn', 'pydantic'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "[]\n"
