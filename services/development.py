"""What development leaves out of its settings, filled in: addresses of this process, and secrets made once and kept on disk."""

import os
import secrets
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.configuration import DEVELOPMENT_MARK
from settings import Settings

SANDBOX_MOUNT = "/sandbox"
"""Where the embedded sandbox answers; Stripe's own paths (/v1/…) follow."""


SIGNING = ("url_signing_secret", "auth_secret", "stripe_secret_key")
"""Secrets of which one is enough to sign addresses with."""


def completed(settings: Settings) -> Settings:
    """The settings with every default that depends on others filled in. In production they are given back as they are.

    Makes BILLGRAPH_VAR and, in its folder `secrets` (mode 0700, files 0600), what AUTH_SECRET, or else URL_SIGNING_SECRET, and the
    sandbox's keys would have been.
    Raises OSError when the folder cannot be written.
    """
    if settings.production:
        return settings
    here = settings.public_url or own_address(settings)
    sandbox = settings.sandbox or ("sandbox" not in settings.model_fields_set and _wants_sandbox(settings))
    filled = _database(settings) | _addresses(settings, here) | _authentication(settings) | _emails(settings)
    filled["sandbox"] = sandbox
    if sandbox:
        filled |= _sandbox(settings)
    if not any(filled.get(name) or getattr(settings, name) for name in SIGNING):
        filled["url_signing_secret"] = kept_secret(settings.billgraph_var / "secrets", "url_signing_secret", f"{DEVELOPMENT_MARK}-")
    return settings.model_copy(update={name: value for name, value in filled.items() if value is not None})


def own_address(settings: Settings) -> str:
    """Where this process reaches itself over HTTP: the address it listens on, the loopback one when it listens everywhere."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::", "localhost"} else settings.host  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def kept_secret(folder: Path, name: str, prefix: str) -> SecretStr:
    """The secret of that name in the folder, made at first use; two processes starting at once agree on one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        draft = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(f"{prefix}{secrets.token_hex(32)}\n", encoding="ascii")
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return SecretStr(path.read_text(encoding="ascii").strip())


def _wants_sandbox(settings: Settings) -> bool:
    return settings.stripe_enabled and settings.stripe_secret_key is None and settings.stripe_api_base is None


def _database(settings: Settings) -> dict[str, Any]:
    settings.billgraph_var.mkdir(parents=True, exist_ok=True)
    if settings.database_url is not None:
        return {}
    return {"database_url": SecretStr(f"sqlite:///{(settings.billgraph_var / 'billgraph.sqlite3').absolute()}")}


def _addresses(settings: Settings, here: str) -> dict[str, Any]:
    own = {
        "public_url": here,
        "success_url": f"{here}/checkout/success?session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": f"{here}/checkout/canceled",
        "portal_return_url": f"{here}/portal/returned",
    }
    return {name: value for name, value in own.items() if name not in settings.model_fields_set}


def _emails(settings: Settings) -> dict[str, Any]:
    folder = SecretStr(f"file:{(settings.billgraph_var / 'emails').absolute()}")
    own = {"email_url": folder, "email_from": "Billgraph <billing@billgraph.localhost>"}
    return {name: value for name, value in own.items() if getattr(settings, name) is None}


def _authentication(settings: Settings) -> dict[str, Any]:
    if settings.auth_algorithm != "HS256" or settings.auth_secret is not None:
        return {}
    return {"auth_secret": kept_secret(settings.billgraph_var / "secrets", "auth_secret", f"{DEVELOPMENT_MARK}-")}


def _sandbox(settings: Settings) -> dict[str, Any]:
    folder = settings.billgraph_var / "secrets"
    filled: dict[str, Any] = {}
    if settings.stripe_api_base is None:
        filled["stripe_api_base"] = own_address(settings) + SANDBOX_MOUNT
    if settings.stripe_secret_key is None:
        filled["stripe_secret_key"] = kept_secret(folder, "stripe_secret_key", "sk_test_sandbox")
    if settings.stripe_publishable_key is None:
        filled["stripe_publishable_key"] = kept_secret(folder, "stripe_publishable_key", "pk_test_sandbox").get_secret_value()
    if not settings.stripe_webhook_secret:
        filled["stripe_webhook_secret"] = (kept_secret(folder, "stripe_webhook_secret", "whsec_sandbox"),)
    return filled
