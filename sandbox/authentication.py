"""Who calls: the secret key, or the publishable key where Stripe.js may call."""

import base64
import binascii
import hmac

from sandbox.configuration import Configuration
from sandbox.errors import Refusal


def authenticate(configuration: Configuration, header: str | None, key_parameter: str | None, public: bool) -> bool:
    """Return whether the caller came with the publishable key; refuse with 401 without a valid key, 403 where it does not reach.

    A key comes as Bearer, as the user name of Basic, or, from Stripe.js, as the parameter `key`.
    """
    key = _key(header) or key_parameter
    if not key:
        raise Refusal(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
            "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if hmac.compare_digest(key.encode(), configuration.secret_key.encode()):
        return False
    if not hmac.compare_digest(key.encode(), configuration.publishable_key.encode()):
        raise Refusal(f"Invalid API Key provided: {_masked(key)}", status=401)
    if not public:
        raise Refusal(
            "This API call cannot be made with a publishable API key. Please use a secret API key.", code="secret_key_required", status=403
        )
    return True


def _key(header: str | None) -> str | None:
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().split(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * 10}{key[-4:]}" if len(key) > 16 else "*" * len(key)
