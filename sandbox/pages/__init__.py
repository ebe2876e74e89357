"""The pages of the sandbox: hosted checkout, portal, 3-D Secure, invoices, events."""

from starlette.routing import BaseRoute

routes: list[BaseRoute] = []
