"""Putting a call's parameters into an object, as Stripe does: "" unsets, metadata is merged key by key."""

from sandbox.errors import InvalidParameters, Refusal
from sandbox.routing import Call
from sandbox.shapes import Json

MAX_KEYS = 50
MAX_KEY = 40
MAX_VALUE = 500


def assign(target: Json, call: Call, *names: str) -> Json:
    """Put the named parameters that were sent into the object; an empty value becomes null."""
    for name in names:
        if name in call.params:
            target[name] = call.given(name)
    if "metadata" in call.params:
        target["metadata"] = merged(target.get("metadata"), call.params["metadata"])
    return target


def merged(before: Json | None, sent: Json | str | None) -> Json:
    """Return metadata after a call: "" empties it, an empty value deletes its key.

    Raises InvalidParameters for more than 50 keys, keys over 40 or values over 500 characters.
    """
    if not isinstance(sent, dict):
        return {} if sent == "" else dict(before or {})
    for key, value in sent.items():
        if len(key) > MAX_KEY:
            raise InvalidParameters(
                f"Metadata keys can have up to {MAX_KEY} characters. You passed in a key with {len(key)}.", param="metadata"
            )
        if len(value) > MAX_VALUE:
            message = f"Metadata values can have up to {MAX_VALUE} characters, but you passed in a value that is {len(value)} characters."
            raise InvalidParameters(f"{message} Invalid value: {value[:40]}...", param=f"metadata[{key}]")
    both = {key: value for key, value in ((before or {}) | sent).items() if value != ""}
    if len(both) > MAX_KEYS:
        raise InvalidParameters(f"You can have up to {MAX_KEYS} metadata keys.", param="metadata")
    return both


def refuse_unsupported(call: Call, *names: str) -> None:
    """Refuse parameters which Stripe takes and the sandbox would have to ignore, rather than ignore them."""
    for name in names:
        if call.params.get(name):
            raise Refusal(f"The sandbox does not support `{name}`; real Stripe does.", param=name)


def exclusive(call: Call, *names: str) -> None:
    """Refuse more than one of the named parameters."""
    sent = [name for name in names if call.given(name) is not None]
    if len(sent) > 1:
        raise InvalidParameters(
            f"You may only specify one of these parameters: {', '.join(names)}.", code="parameters_exclusive", param=sent[0]
        )
