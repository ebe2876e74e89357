"""Somebody in front of Stripe's pages, without scripts: reads forms and sends them."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import httpx

VISA = "4242 4242 4242 4242"
FORM = re.compile(r'<form method="post" action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
FIELD = re.compile(r'<input\b[^>]*?\bname="(\w+)"[^>]*?\bvalue="([^"]*)"')


class Buyer:
    """`sandbox` is where the sandbox's pages are."""

    def __init__(self, sandbox: str, client: httpx.AsyncClient) -> None:
        self._sandbox, self._client = sandbox, client

    async def pay(self, url: str, card: str = VISA) -> str:
        """Fill a checkout page and send it; the session's id, which the shop's success page is told."""
        answer = await self._send(url, "/checkout/", "number", fill=card)
        assert answer.status_code == 303, answer.text
        (session_id,) = parse_qs(urlsplit(answer.headers["location"]).query)["session_id"]
        return session_id

    async def confirm(self, client_secret: str, card: str = VISA) -> None:
        """What Stripe.js does with a client secret in the shop's own page."""
        intent = client_secret.partition("_secret_")[0]
        url = f"{self._sandbox}/pay/{intent}?client_secret={client_secret}"
        answer = await self._send(url, "/pay/", "number", fill=card)
        assert answer.status_code == 303, answer.text

    async def is_closed(self, url: str) -> bool:
        """Whether nothing can be paid on a checkout page any more."""
        page = await self._client.get(url)
        assert page.status_code == 200, page.text
        return "This checkout has expired" in page.text

    async def replace_card(self, url: str, card: str = VISA) -> None:
        """Fill the customer portal's page for a new card."""
        assert (await self._send(url, "/card", "number", fill=card)).status_code == 303

    async def pay_invoice(self, url: str, card: str = VISA) -> None:
        """Pay what is due on an invoice's page."""
        answer = await self._send(url, "/invoices/", "number", fill=card)
        assert answer.status_code == 303, answer.text

    async def cancel_plan(self, url: str) -> None:
        """Press "Cancel plan" in the customer portal."""
        assert (await self._send(url, "/cancel", "subscription")).status_code == 303

    async def let_pass(self, days: int) -> None:
        """Move the sandbox's time; what falls due on the way happens."""
        answer = await self._client.post(f"{self._sandbox}/clock", data={"days": str(days)})
        assert answer.status_code == 303, answer.text

    async def _send(self, url: str, place: str, field: str, **shown: str) -> httpx.Response:
        page = await self._client.get(httpx.URL(url).copy_merge_params(shown))
        assert page.status_code == 200, page.text
        forms = [(html.unescape(action), dict(FIELD.findall(content))) for action, content in FORM.findall(page.text)]
        action, fields = next((action, fields) for action, fields in forms if place in action and field in fields)
        return await self._client.post(action, data={name: html.unescape(value) for name, value in fields.items()})
