"""The page with the switches of sandbox.chaos."""

from dataclasses import fields
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.chaos import PAYLOADS, VERSIONS, Switches
from sandbox.errors import Refusal
from sandbox.pages.rendering import configuration_of, engine_of, form, refusing, render, see

SAYS = {
    "shuffled": "sent in any order (1: yes)", "delayed": "seconds that an event waits at most", "dropped": "% never sent",
    "duplicated": "% sent twice", "resent": "% sent again a minute later", "rate_limited": "% answered 429", "conflicted": "% answered 409",
    "failed": "% answered 500", "reset": "% cut off before anything is done", "half_way": "% done, then cut off",
    "timed_out": "% done, then answered late", "timeout": "seconds that a late answer takes", "seed": "the same seed, the same faults",
}  # fmt: skip
"""What a switch does, as the page says it."""


async def _switches(request: Request) -> Response:
    return render(request, "chaos.html", switches=engine_of(request).chaos(), says=SAYS, versions=VERSIONS, payloads=PAYLOADS)


async def _set(request: Request) -> Response:
    given = await form(request)
    values: dict[str, Any] = {entry.name: _value(entry.name, given) for entry in fields(Switches) if entry.name in given}
    engine_of(request).set_chaos(Switches(**values))
    return see(f"{configuration_of(request).public_url}/chaos")


def _value(name: str, given: dict[str, str]) -> str | int:
    text = given[name]
    if name in {"version", "payloads"}:
        return text
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Refusal(f"`{name}` must be a whole number.", param=name)
    return bool(int(text)) if name == "shuffled" else int(text)


ROUTES = [
    Route("/chaos", refusing(_switches), methods=["GET"]),
    Route("/chaos", refusing(_set), methods=["POST"]),
]
