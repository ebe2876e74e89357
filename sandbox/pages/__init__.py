"""The pages of the sandbox: hosted checkout, 3-D Secure, customer portal, invoices, events. Rendered on the server, without scripts."""

from starlette.routing import BaseRoute

from sandbox.pages import chaos, checkout, dashboard, portal

routes: list[BaseRoute] = [*checkout.ROUTES, *portal.ROUTES, *dashboard.ROUTES, *chaos.ROUTES]
