"""The pages of the sandbox: hosted checkout, 3-D Secure, customer portal, invoices, events. Rendered on the server, without scripts."""

from starlette.routing import BaseRoute

from sandbox.pages import chaos, checkout, dashboard, invoices, portal

routes: list[BaseRoute] = [*checkout.ROUTES, *portal.ROUTES, *invoices.ROUTES, *dashboard.ROUTES, *chaos.ROUTES]
