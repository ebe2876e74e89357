"""The issuer's public keys (JWKS, RFC 7517), fetched, kept and rotated: what RS256 and ES256 tokens are verified with."""

import asyncio
import json
from time import monotonic
from typing import Any

import httpx
import jwt
import structlog

FETCH_LIMIT = 5.0
"""Longest that one fetch takes, in seconds, from connecting to the last byte."""

MAX_BYTES = 262_144
"""Longest key set that is read, in bytes."""

LIFETIME = 600.0
"""Seconds after which kept keys are fetched again, beside the requests: a key that the issuer withdrew stops working."""

UNKNOWN_KEY_PAUSE = 60.0
"""Least seconds between fetches that an unknown `kid` causes, so that forged tokens cannot make us hammer the issuer."""

EMPTY_PAUSE = 1.0
"""Least seconds between fetches while no key is known at all."""

_log = structlog.get_logger(__name__)


class SigningKeys:
    """Keys of one JWKS URL that fit one algorithm. One fetch at a time; what was fetched stays when the issuer is down."""

    def __init__(self, url: str, algorithm: str) -> None:
        self._url = url
        self._algorithm = algorithm
        self._client = httpx.AsyncClient(timeout=FETCH_LIMIT, follow_redirects=False, limits=httpx.Limits(max_connections=2))
        self._keys: tuple[jwt.PyJWK, ...] = ()
        self._fetched_at = self._asked_at = float("-inf")
        self._fetch: asyncio.Task[None] | None = None

    async def find(self, kid: str | None) -> jwt.PyJWK | None:
        """The key of that id; without an id the only key, if there is only one. None when the issuer has no such key."""
        now = monotonic()
        if self._keys and now - self._fetched_at > LIFETIME and now - self._asked_at > UNKNOWN_KEY_PAUSE:
            _ = self._start()
        key = self._match(kid)
        if key is None and await self._refetched(now):
            key = self._match(kid)
        return key

    @property
    def empty(self) -> bool:
        """Whether no key is known: the issuer has never answered with one."""
        return not self._keys

    async def close(self) -> None:
        """Stop a running fetch and close the connections."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.gather(self._fetch, return_exceptions=True)
        await self._client.aclose()

    def _match(self, kid: str | None) -> jwt.PyJWK | None:
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.key_id == kid), None)

    async def _refetched(self, now: float) -> bool:
        pause = UNKNOWN_KEY_PAUSE if self._keys else EMPTY_PAUSE
        if self._fetch is None and now - self._asked_at < pause:
            return False
        await asyncio.shield(self._start())
        return True

    def _start(self) -> asyncio.Task[None]:
        if self._fetch is None:
            self._asked_at = monotonic()
            self._fetch = asyncio.create_task(self._refresh(), name="signing-keys")
            self._fetch.add_done_callback(self._ended)
        return self._fetch

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._fetch = None

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(FETCH_LIMIT):
                keys = usable_keys(await self._read(), self._algorithm)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, RecursionError) as error:
            _log.warning("signing_keys_unavailable", reason=type(error).__name__, known=len(self._keys))
            return
        if keys:
            self._keys, self._fetched_at = keys, monotonic()
        else:
            _log.warning("signing_keys_unusable", algorithm=self._algorithm, known=len(self._keys))

    async def _read(self) -> Any:
        body = bytearray()
        async with self._client.stream("GET", self._url, headers={"accept": "application/json"}) as answer:
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > MAX_BYTES:
                    raise ValueError("The key set is too long.")
        return json.loads(body)


def usable_keys(document: Any, algorithm: str) -> tuple[jwt.PyJWK, ...]:
    """Public signature keys of a JWKS document that are made for the algorithm; anything else in it is passed over."""
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = [_key(entry, algorithm) for entry in listed or ()] if isinstance(listed, list) else []
    return tuple(key for key in keys if key is not None)


def _key(entry: Any, algorithm: str) -> jwt.PyJWK | None:
    if not isinstance(entry, dict) or "d" in entry or entry.get("use", "sig") != "sig":
        return None
    try:
        key = jwt.PyJWK(entry)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if key.algorithm_name == algorithm else None
