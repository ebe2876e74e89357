"""Bracketed forms, as Stripe's API takes them: `a[b][0][c]=1` means `{"a": {"b": {"0": {"c": "1"}}}}`."""

import re
from typing import Any
from urllib.parse import parse_qsl

from sandbox.errors import InvalidParameters

MAX_FIELDS = 2000
MAX_DEPTH = 12

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> dict[str, Any]:
    """Return the form or query string as nested dicts of strings; lists stay dicts keyed by their index.

    Raises InvalidParameters for a malformed key, more than 2000 fields, or brackets deeper than 12.
    """
    try:
        fields = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), encoding="utf-8", errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise InvalidParameters("Invalid request: the parameters are not a form (application/x-www-form-urlencoded) in UTF-8.") from None
    tree: dict[str, Any] = {}
    for key, value in fields:
        _place(tree, _path(key), key, value)
    return tree


def _path(key: str) -> list[str]:
    match = _KEY.match(key)
    if match is None:
        raise InvalidParameters(f"Invalid parameter name: {key[:100]}", param=key[:100])
    path = [match[1], *_PART.findall(match[2])]
    if len(path) > MAX_DEPTH:
        raise InvalidParameters("Parameters are nested too deeply.", param=key[:100])
    return path


def _place(tree: dict[str, Any], path: list[str], key: str, value: str) -> None:
    node = tree
    for part in path[:-1]:
        node = node.setdefault(part or str(len(node)), {})
        if not isinstance(node, dict):
            raise InvalidParameters(f"Parameter {key[:100]} is given both as a value and as a hash.", param=key[:100])
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise InvalidParameters(f"Parameter {key[:100]} is given both as a value and as a hash.", param=key[:100])
    node[last] = value
