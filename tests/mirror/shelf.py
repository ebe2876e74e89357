"""Stripe's reading side: a real HTTP server that answers the objects which a test has laid on it, by a clock that the test sets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from copy import deepcopy
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

MISSING = {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such object"}}
BROKEN = {"error": {"type": "api_error", "message": "broken"}}


class Shelf:
    """`objects` by id; `now` is what the answers are dated; `read` lists the paths asked for, in order; `broken` answers 400."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.now = 1_800_000_000
        self.read: list[str] = []
        self.broken = False
        self.base = ""

    def put(self, thing: dict[str, Any]) -> dict[str, Any]:
        self.objects[thing["id"]] = thing
        return thing

    def put_lines(self, invoice_id: str, lines: list[dict[str, Any]]) -> None:
        self.lines[invoice_id] = lines

    def clear(self) -> None:
        self.objects.clear()
        self.lines.clear()
        self.read.clear()
        self.broken = False
        self.now = 1_800_000_000

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/invoice_payments", self._invoice_payments),
                Route("/v1/checkout/sessions/{id}", self._one),
                Route("/v1/invoices/{id}/lines", self._lines),
                Route("/v1/{kind}/{id}", self._one),
            ]
        )

    async def _one(self, request: Request) -> JSONResponse:
        self.read.append(request.url.path)
        thing = self.objects.get(request.path_params["id"])
        if self.broken:
            return self._answer(BROKEN, 400)
        if thing is None:
            return self._answer(MISSING, 404)
        wanted = request.query_params.getlist("expand[0]") + request.query_params.getlist("expand[]")
        return self._answer(self._expanded(thing, wanted))

    def _expanded(self, thing: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
        whole = {name: value for name, value in deepcopy(thing).items() if name != "payments" or "payments" in wanted}
        if "latest_charge" in wanted and whole.get("latest_charge"):
            whole["latest_charge"] = deepcopy(self.objects[whole["latest_charge"]])
        return whole

    async def _invoice_payments(self, request: Request) -> JSONResponse:
        intent = request.query_params["payment[payment_intent]"]
        self.read.append(f"/v1/invoice_payments?{intent}")
        rows = [
            row | {"invoice": invoice["id"]}
            for invoice in self.objects.values()
            if invoice["object"] == "invoice"
            for row in invoice.get("payments", {}).get("data", [])
            if row["payment"].get("payment_intent") == intent
        ]
        return self._answer({"object": "list", "data": rows[:1], "has_more": False, "url": "/v1/invoice_payments"})

    async def _lines(self, request: Request) -> JSONResponse:
        self.read.append(request.url.path)
        invoice_id, after = request.path_params["id"], request.query_params.get("starting_after")
        if invoice_id not in self.lines.keys() | self.objects.keys():
            return self._answer(MISSING, 404)
        lines = self.lines[invoice_id] if invoice_id in self.lines else self.objects[invoice_id]["lines"]["data"]
        begin = next((place for place, row in enumerate(lines, 1) if row["id"] == after), 0)
        some = lines[begin : begin + int(request.query_params["limit"])]
        return self._answer({"object": "list", "data": some, "has_more": begin + len(some) < len(lines), "url": request.url.path})

    def _answer(self, body: dict[str, Any], status: int = 200) -> JSONResponse:
        return JSONResponse(body, status, headers={"date": formatdate(self.now, usegmt=True)})


@contextlib.asynccontextmanager
async def serving(shelf: Shelf) -> AsyncIterator[Shelf]:
    config = uvicorn.Config(shelf.app(), host="127.0.0.1", port=0, log_level="critical", date_header=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # the test's own signals stay
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.01)
    shelf.base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield shelf
    finally:
        server.should_exit = True
        await task
