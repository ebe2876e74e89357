"""Which parameters a call may send, read from the installed SDK's `stripe/params` TypedDicts.

So a call that Stripe would refuse as unknown, missing or malformed is refused here, with the same words.
"""

import functools
import re
import types
import typing
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_origin, get_type_hints

from stripe import _request_options
from stripe._request_options import RequestOptions

from sandbox.errors import InvalidParameters, parameter_missing

_OPTIONS = frozenset(RequestOptions.__annotations__)
_NAMES = dict(vars(_request_options)) | {"StripeContext": str}
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_UNIONS = (typing.Union, types.UnionType)
MAX_TEXT = 5000


@functools.cache
def hints(cls: Any) -> dict[str, Any]:
    """Return a params TypedDict's keys with their evaluated types, the SDK's own request options left out."""
    found = get_type_hints(cls, localns=_NAMES)
    return {key: hint for key, hint in found.items() if not (issubclass_of_options(cls) and key in _OPTIONS)}


def issubclass_of_options(cls: Any) -> bool:
    """Say whether a TypedDict is the outermost one of a call (a TypedDict keeps its bases in `__orig_bases__` alone)."""
    return RequestOptions in getattr(cls, "__orig_bases__", ())


def check(cls: Any, given: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the call's parameters as typed values (int, bool, Decimal, str, list, dict); "" stands for "unset this".

    `cls` is the SDK's params TypedDict, `extra` what else a caller may send (name -> type).
    Raises InvalidParameters: parameter_unknown, parameter_missing, parameter_invalid_integer, parameter_invalid_empty.
    """
    return _hash(hints(cls) | dict(extra or {}), cls.__required_keys__, given, "")


def _hash(allowed: Mapping[str, Any], required: frozenset[str], given: Mapping[str, Any], path: str) -> dict[str, Any]:
    unknown = [_join(path, key) for key in given if key not in allowed]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise InvalidParameters(
            f"Received unknown parameter{plural}: {', '.join(unknown)[:500]}", code="parameter_unknown", param=unknown[0][:200]
        )
    for key in sorted(required - given.keys() - _OPTIONS):
        raise parameter_missing(_join(path, key))
    return {key: _value(allowed[key], value, _join(path, key)) for key, value in given.items()}


def _join(path: str, key: str) -> str:
    return f"{path}[{key}]" if path else key


def _members(hint: Any) -> list[Any]:
    if get_origin(hint) in _UNIONS:
        return [inner for member in get_args(hint) for inner in _members(member)]
    return [hint]


def _value(hint: Any, value: Any, path: str) -> Any:
    members = _members(hint)
    literals = [word for member in members if get_origin(member) is typing.Literal for word in get_args(member)]
    if value == "" and "" in literals:
        return ""
    if isinstance(value, dict):
        return _nested(members, value, path)
    return _scalar(members, [word for word in literals if word != ""], value, path)


def _nested(members: list[Any], value: dict[str, Any], path: str) -> Any:
    for member in members:
        origin = get_origin(member) or member
        if origin is list:
            return [_value(get_args(member)[0], item, f"{path}[{index}]") for index, item in _indexed(value, path)]
        if hasattr(member, "__required_keys__"):
            return _hash(hints(member), member.__required_keys__, value, path)
        if origin in {dict, Mapping} or _open_hash(origin):
            inner = get_args(member)[-1] if get_args(member) else str
            return {key: "" if item == "" else _value(inner, item, _join(path, key)) for key, item in value.items()}
    raise InvalidParameters(f"Invalid string: {path} is a hash, and a single value is expected.", param=path)


def _open_hash(origin: Any) -> bool:
    return isinstance(origin, type) and origin.__name__ == "UntypedStripeObject"


def _indexed(value: dict[str, Any], path: str) -> list[tuple[int, Any]]:
    if not all(key.isdigit() and len(key) < 6 for key in value):
        raise InvalidParameters("Invalid array", param=path)
    return list(enumerate(value[key] for key in sorted(value, key=int)))


def _scalar(members: list[Any], words: list[Any], value: str, path: str) -> Any:
    if value in words:
        return value
    for kind, read in _READERS:
        if kind in members:
            return read(value, path)
    if words:
        raise InvalidParameters(f"Invalid {path}: must be one of {_listed(words)}", param=path)
    if str in members:
        return _text(value, path)
    raise InvalidParameters("Invalid array" if any(get_origin(m) is list for m in members) else "Invalid object", param=path)


def _listed(words: list[Any]) -> str:
    texts = [str(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])}, or {texts[-1]}"


def _text(value: str, path: str) -> str:
    if value == "":
        raise InvalidParameters(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a field; however "
            f"'{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=path,
        )
    if len(value) > MAX_TEXT:
        raise InvalidParameters(f"Invalid string: must be at most {MAX_TEXT} characters", param=path)
    return value


def _integer(value: str, path: str) -> int:
    if not _INTEGER.fullmatch(value):
        raise InvalidParameters(f"Invalid integer: {value[:100]}", code="parameter_invalid_integer", param=path)
    return int(value)


def _boolean(value: str, path: str) -> bool:
    if value not in {"true", "false"}:
        raise InvalidParameters(f"Invalid boolean: {value[:100]}", param=path)
    return value == "true"


def _decimal(value: str, path: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or len(value) > 40:
        raise InvalidParameters(f"Invalid decimal: {value[:100]}", param=path)
    return number


def _float(value: str, path: str) -> float:
    return float(_decimal(value, path))


_READERS: tuple[tuple[type, typing.Callable[[str, str], Any]], ...] = (
    (int, _integer),
    (bool, _boolean),
    (Decimal, _decimal),
    (float, _float),
)
